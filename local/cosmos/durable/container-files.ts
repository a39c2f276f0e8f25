import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Journal } from "../store/account.ts";
import type { ContainerData, Transaction } from "../store/container-data.ts";
import { type ItemKey, type StoredItem, toStoredItem } from "../store/item.ts";
import type { JsonObject } from "../store/json.ts";
import { type LineFile, openLineFile, readLines } from "./line-file.ts";

/** One line of a log or snapshot. */
interface TransactionLine {
  readonly lsn: number;
  readonly puts: readonly JsonObject[];
  readonly deletes?: readonly ItemKey[];
}

/** The first line of a snapshot: what cannot be read off its items. */
interface SnapshotHead {
  readonly lsn: number;
  readonly nextSerial: number;
}

export interface ContainerFiles extends Journal {
  /** Waits for a compaction that is under way and closes the log. */
  close(): Promise<void>;
}

export interface ContainerFilesOptions {
  readonly folder: string;
  readonly data: ContainerData;
  /** Log bytes, and at least the bytes of the last snapshot, after which the log is replaced by a new snapshot. */
  readonly compactAfter: number;
  /** ms since 1970; what has expired is left out of a snapshot. */
  readonly clock: () => number;
}

/**
 * Opens the files of one container: `snapshot.jsonl` (what was live at some lsn) and the logs `log-<n>.jsonl` of
 * everything after. Fills `data` from them. Compaction begins a new log, writes a new snapshot beside the old one, moves
 * it in place, then removes the older logs; a crash at any point loses nothing.
 */
export function openContainerFiles({ folder, data, compactAfter, clock }: ContainerFilesOptions): ContainerFiles {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const snapshotPath = join(folder, "snapshot.jsonl");
  const logPath = (number: number): string => join(folder, `log-${number}.jsonl`);
  if (existsSync(snapshotPath)) restoreSnapshot(snapshotPath, data);
  const numbers = logNumbers(folder);
  for (const number of numbers) replayLog(logPath(number), data);

  let current = numbers.at(-1) ?? 1;
  let log: LineFile = openLineFile(logPath(current));
  let threshold = compactAfter;
  let compaction: Promise<void> | undefined;
  let removed = false;

  const compact = async (): Promise<void> => {
    const head: SnapshotHead = { lsn: data.lsn, nextSerial: data.nextSerial };
    const items = [...data.changes({ kind: "all" }, 0, clock())];
    const older = logNumbers(folder);
    current += 1;
    log.close();
    log = openLineFile(logPath(current));
    try {
      const bytes = await writeSnapshot(`${snapshotPath}.new`, head, items);
      await rename(`${snapshotPath}.new`, snapshotPath);
      for (const number of older) await rm(logPath(number), { force: true });
      threshold = Math.max(compactAfter, bytes);
    } catch (error) {
      // Nothing is lost: the older logs are still there, and the next attempt takes them along.
      if (!removed) process.emitWarning(`${folder} could not be compacted: ${String(error)}`);
    }
  };

  return {
    append(transaction) {
      if (log.size >= threshold && compaction === undefined) {
        compaction = compact().finally(() => {
          compaction = undefined;
        });
      }
      log.append(JSON.stringify(toLine(transaction)));
    },
    remove() {
      removed = true;
      log.close();
      rmSync(folder, { recursive: true, force: true });
    },
    async close() {
      await compaction;
      log.close();
    },
  };
}

function restoreSnapshot(path: string, data: ContainerData): void {
  let head: SnapshotHead | undefined;
  for (const line of readLines(path)) {
    if (head === undefined) head = line as SnapshotHead;
    else data.apply(fromLine(line as TransactionLine, data));
  }
  if (head !== undefined) data.restore(head);
}

/** Applies what a log has above the lsn that is already there. */
function replayLog(path: string, data: ContainerData): void {
  for (const line of readLines(path)) {
    const transaction = line as TransactionLine;
    if (transaction.lsn > data.lsn) data.apply(fromLine(transaction, data));
  }
}

async function writeSnapshot(path: string, head: SnapshotHead, items: readonly StoredItem[]): Promise<number> {
  await using file = await open(path, "w", 0o600);
  let bytes = 0;
  let chunk = `${JSON.stringify(head)}\n`;
  const flush = async (): Promise<void> => {
    bytes += (await file.write(chunk)).bytesWritten;
    chunk = "";
  };
  for (const { lsn, document } of items) {
    chunk += `${JSON.stringify({ lsn, puts: [document] } satisfies TransactionLine)}\n`;
    if (chunk.length > 256 * 1024) await flush();
  }
  await flush();
  await file.sync();
  return bytes;
}

function toLine({ lsn, puts, deletes }: Transaction): TransactionLine {
  return { lsn, puts: puts.map((item) => item.document), ...(deletes.length === 0 ? {} : { deletes }) };
}

function fromLine({ lsn, puts, deletes }: TransactionLine, data: ContainerData): Transaction {
  const paths = data.settings.partitionKeyPaths;
  return { lsn, puts: puts.map((document) => toStoredItem(document, lsn, paths)), deletes: deletes ?? [] };
}

function logNumbers(folder: string): readonly number[] {
  return readdirSync(folder)
    .map((name) => Number(/^log-(\d+)\.jsonl$/.exec(name)?.[1] ?? Number.NaN))
    .filter((number) => !Number.isNaN(number))
    .sort((one, other) => one - other);
}
