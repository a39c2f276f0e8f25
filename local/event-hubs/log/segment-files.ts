import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { mkdir, readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { LogStore, StoredEvent } from "./partition-log.ts";

/**
 * The events of one partition in append-only segment files (spec azure.md §3.5): one directory per partition, a file named
 * by the first sequence number in it, records of `length, crc32, sequence number, offset, time, key length, key, message`.
 * Writes reach the kernel before `append` returns: they survive a killed process, not a power failure.
 */
export interface SegmentFiles {
  /** Everything kept so far, oldest first. */
  readonly events: readonly StoredEvent[];
  readonly store: LogStore;
}

export interface SegmentFilesOptions {
  readonly dir: string;
  /** A new file is begun once the current one is this long, in bytes. */
  readonly segmentBytes?: number;
}

const SUFFIX = ".log";
const DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024;
/** length and crc32 stand before the part that they cover. */
const FRAME_BYTES = 8;
const FIXED_BYTES = 26;

/**
 * Opens (and makes) the directory of a partition.
 * A record cut short at the very end is what a killed writer leaves, and is dropped; damage anywhere else throws.
 */
export async function openSegmentFiles({
  dir,
  segmentBytes = DEFAULT_SEGMENT_BYTES,
}: SegmentFilesOptions): Promise<SegmentFiles> {
  await mkdir(dir, { recursive: true });
  const names = (await readdir(dir)).filter((name) => name.endsWith(SUFFIX)).toSorted();
  const events: StoredEvent[] = [];
  let last: { path: string; length: number } | undefined;
  for (const [index, name] of names.entries()) {
    const path = join(dir, name);
    const data = await readFile(path);
    const { records, length } = decodeRecords(data);
    if (length < data.length) {
      if (index < names.length - 1)
        throw new Error(`${path} is damaged at byte ${length}: remove the directory to begin anew`);
      await truncate(path, length);
    }
    for (const record of records) events.push(record);
    last = { path, length };
  }
  return { events, store: createStore({ dir, segmentBytes, last }) };
}

interface StoreOptions {
  readonly dir: string;
  readonly segmentBytes: number;
  readonly last: { readonly path: string; readonly length: number } | undefined;
}

function createStore({ dir, segmentBytes, last }: StoreOptions): LogStore {
  let file = last && { descriptor: openSync(last.path, "a"), length: last.length };

  function fileFor(event: StoredEvent): { descriptor: number; length: number } {
    if (file !== undefined && file.length < segmentBytes) return file;
    if (file !== undefined) closeSync(file.descriptor);
    mkdirSync(dir, { recursive: true });
    const name = `${String(event.sequenceNumber).padStart(20, "0")}${SUFFIX}`;
    file = { descriptor: openSync(join(dir, name), "a"), length: 0 };
    return file;
  }

  return {
    append(events) {
      const [first] = events;
      if (first === undefined) return;
      const target = fileFor(first);
      const data = Buffer.concat(events.flatMap(encodeRecord));
      try {
        writeAll(target.descriptor, data);
      } catch (cause) {
        ftruncateSync(target.descriptor, target.length);
        throw new Error(`cannot write to ${dir}`, { cause });
      }
      target.length += data.length;
    },
    close() {
      if (file !== undefined) closeSync(file.descriptor);
      file = undefined;
    },
  };
}

function writeAll(descriptor: number, data: Buffer): void {
  for (let written = 0; written < data.length; ) written += writeSync(descriptor, data, written);
}

function encodeRecord(event: StoredEvent): Buffer[] {
  const key = event.partitionKey === undefined ? undefined : Buffer.from(event.partitionKey, "utf8");
  const head = Buffer.alloc(FRAME_BYTES + FIXED_BYTES);
  head.writeBigUInt64BE(BigInt(event.sequenceNumber), 8);
  head.writeBigUInt64BE(BigInt(event.offset), 16);
  head.writeBigUInt64BE(BigInt(event.enqueuedTime), 24);
  // One more than the length, so that "no key" and "empty key" stay apart.
  head.writeUInt16BE(key === undefined ? 0 : key.length + 1, 32);
  const parts = [head, ...(key === undefined ? [] : [key]), event.bytes];
  head.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, -FRAME_BYTES),
    0,
  );
  head.writeUInt32BE(
    parts.slice(1).reduce((sum, part) => crc32(part, sum), crc32(head.subarray(FRAME_BYTES))),
    4,
  );
  return parts;
}

function decodeRecords(data: Buffer): { readonly records: readonly StoredEvent[]; readonly length: number } {
  const records: StoredEvent[] = [];
  let at = 0;
  while (at + FRAME_BYTES + FIXED_BYTES <= data.length) {
    const end = at + FRAME_BYTES + data.readUInt32BE(at);
    const body = data.subarray(at + FRAME_BYTES, end);
    if (end > data.length || body.length < FIXED_BYTES || crc32(body) !== data.readUInt32BE(at + 4)) break;
    const keyLength = body.readUInt16BE(24);
    const bytesAt = FIXED_BYTES + Math.max(0, keyLength - 1);
    records.push({
      sequenceNumber: Number(body.readBigUInt64BE(0)),
      offset: Number(body.readBigUInt64BE(8)),
      enqueuedTime: Number(body.readBigUInt64BE(16)),
      partitionKey: keyLength === 0 ? undefined : body.toString("utf8", FIXED_BYTES, bytesAt),
      bytes: body.subarray(bytesAt),
    });
    at = end;
  }
  return { records, length: at };
}
