import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { mkdir, readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { LogStore, StoredEvent } from "./partition-log.ts";

/**
 * The events of one partition in append-only segment files (spec azure.md §3.5): one directory per partition, a file named
 * by the first sequence number in it, records of `length, crc32, sequence number, offset, time, more, key length, key, message`.
 * Writes reach the kernel before `append` returns: they survive a killed process, not a power failure.
 */
export interface SegmentFiles {
  /** Everything kept so far, oldest first. */
  readonly events: readonly StoredEvent[];
  /** The sequence number that comes next. */
  readonly next: number;
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
const FIXED_BYTES = 27;
/** Another record of the same batch comes after this one. */
const MORE = 1;

/**
 * Opens (and makes) the directory of a partition.
 * A batch cut short at the very end is what a killed writer leaves, and is dropped; damage anywhere else throws.
 */
export async function openSegmentFiles({
  dir,
  segmentBytes = DEFAULT_SEGMENT_BYTES,
}: SegmentFilesOptions): Promise<SegmentFiles> {
  await mkdir(dir, { recursive: true });
  const names = (await readdir(dir)).filter((name) => name.endsWith(SUFFIX)).toSorted();
  const events: StoredEvent[] = [];
  const segments: Segment[] = [];
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
    segments.push({ path, first: Number(name.slice(0, -SUFFIX.length)), length });
  }
  const last = events.at(-1)?.sequenceNumber;
  const next = last === undefined ? (segments.at(-1)?.first ?? 0) : last + 1;
  return { events, next, store: createStore({ dir, segmentBytes, segments }) };
}

/** One file. */
interface Segment {
  readonly path: string;
  /** The sequence number of its first event. */
  readonly first: number;
  /** Bytes. */
  length: number;
}

interface StoreOptions {
  readonly dir: string;
  readonly segmentBytes: number;
  /** Oldest first; the last is written to. */
  readonly segments: Segment[];
}

function createStore({ dir, segmentBytes, segments }: StoreOptions): LogStore {
  let descriptor: number | undefined;

  function closeFile(): void {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  }

  function segmentFor(event: StoredEvent): { readonly segment: Segment; readonly descriptor: number } {
    let segment = segments.at(-1);
    if (segment === undefined || segment.length >= segmentBytes) {
      closeFile();
      mkdirSync(dir, { recursive: true });
      const name = `${String(event.sequenceNumber).padStart(20, "0")}${SUFFIX}`;
      segment = { path: join(dir, name), first: event.sequenceNumber, length: 0 };
      segments.push(segment);
    }
    descriptor ??= openSync(segment.path, "a");
    return { segment, descriptor };
  }

  function removeNewest(until: (segment: Segment) => boolean): void {
    closeFile();
    for (let last = segments.at(-1); last !== undefined && !until(last); last = segments.at(-1)) {
      unlinkSync(last.path);
      segments.pop();
    }
  }

  return {
    append(events) {
      const [event] = events;
      if (event === undefined) return;
      const target = segmentFor(event);
      const data = encodeBatch(events);
      try {
        writeAll(target.descriptor, data);
      } catch (cause) {
        ftruncateSync(target.descriptor, target.segment.length);
        throw new Error(`cannot write to ${dir}`, { cause });
      }
      target.segment.length += data.length;
    },
    // The newest file stays even when all of it has expired: it says where the numbers go on.
    dropBefore(sequenceNumber) {
      for (let [oldest, next] = segments; oldest && next && next.first <= sequenceNumber; [oldest, next] = segments) {
        unlinkSync(oldest.path);
        segments.shift();
      }
    },
    dropFrom(sequenceNumber) {
      removeNewest((segment) => segment.first < sequenceNumber || segments.length === 1);
      const last = segments.at(-1);
      if (last === undefined) return;
      const { records } = decodeRecords(readFileSync(last.path));
      const data = encodeBatch(records.filter((event) => event.sequenceNumber < sequenceNumber));
      writeFileSync(`${last.path}.new`, data);
      renameSync(`${last.path}.new`, last.path);
      last.length = data.length;
    },
    clear: () => removeNewest(() => false),
    close: closeFile,
  };
}

function writeAll(descriptor: number, data: Buffer): void {
  for (let written = 0; written < data.length; ) written += writeSync(descriptor, data, written);
}

/** Records that are kept all or not at all. */
function encodeBatch(events: readonly StoredEvent[]): Buffer {
  return Buffer.concat(events.flatMap((event, index) => encodeRecord(event, index < events.length - 1 ? MORE : 0)));
}

function encodeRecord(event: StoredEvent, more: number): Buffer[] {
  const key = event.partitionKey === undefined ? undefined : Buffer.from(event.partitionKey, "utf8");
  const head = Buffer.alloc(FRAME_BYTES + FIXED_BYTES);
  head.writeBigUInt64BE(BigInt(event.sequenceNumber), 8);
  head.writeBigUInt64BE(BigInt(event.offset), 16);
  head.writeBigUInt64BE(BigInt(event.enqueuedTime), 24);
  head.writeUInt8(more, 32);
  // One more than the length, so that "no key" and "empty key" stay apart.
  head.writeUInt16BE(key === undefined ? 0 : key.length + 1, 33);
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

/** The whole batches at the beginning, and how many bytes they take. */
function decodeRecords(data: Buffer): { readonly records: readonly StoredEvent[]; readonly length: number } {
  const records: StoredEvent[] = [];
  let whole = { count: 0, length: 0 };
  for (let at = 0; at + FRAME_BYTES + FIXED_BYTES <= data.length; ) {
    const end = at + FRAME_BYTES + data.readUInt32BE(at);
    const body = data.subarray(at + FRAME_BYTES, end);
    if (end > data.length || body.length < FIXED_BYTES || crc32(body) !== data.readUInt32BE(at + 4)) break;
    const keyLength = body.readUInt16BE(25);
    const bytesAt = FIXED_BYTES + Math.max(0, keyLength - 1);
    records.push({
      sequenceNumber: Number(body.readBigUInt64BE(0)),
      offset: Number(body.readBigUInt64BE(8)),
      enqueuedTime: Number(body.readBigUInt64BE(16)),
      partitionKey: keyLength === 0 ? undefined : body.toString("utf8", FIXED_BYTES, bytesAt),
      bytes: body.subarray(bytesAt),
    });
    at = end;
    if (body.readUInt8(24) !== MORE) whole = { count: records.length, length: at };
  }
  return { records: records.slice(0, whole.count), length: whole.length };
}
