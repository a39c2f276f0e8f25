/**
 * The store's memory on disk: a snapshot and, behind it, one line for every change since.
 *
 * A change is handed to the operating system before its write is answered, so it outlives a killed process; it is
 * not forced to the disk, so a power cut may cost the last moments. A torn last line is dropped.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type KubernetesObject, keyOf } from "../object.ts";
import type { Change, ObjectStore } from "./object-store.ts";

interface Line {
  readonly revision: number;
  readonly collection?: string;
  readonly object?: KubernetesObject;
  readonly deleted?: true;
}

export interface Recovered {
  readonly revision: number;
  readonly objects: readonly (readonly [string, KubernetesObject])[];
}

export interface Journal extends Disposable {
  readonly recovered: Recovered | undefined;
  append(change: Change): void;
  /** Whether so much was appended that a new snapshot is worth its cost. */
  readonly isLong: boolean;
  /** Replaces snapshot and log by what the store holds now. */
  compact(store: ObjectStore): void;
}

const longLog = 16 * 1024 * 1024;

function readLines(file: string): Line[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, "utf8");
  // What follows the last line break was torn by a kill in the middle of a write.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

function replay(snapshot: readonly Line[], log: readonly Line[]): Recovered | undefined {
  const objects = new Map<string, readonly [string, KubernetesObject]>();
  const base = snapshot[0]?.revision ?? 0;
  let revision = base;
  // A kill between "new snapshot" and "empty log" leaves lines in the log that the snapshot holds already.
  for (const line of [...snapshot, ...log.filter((each) => each.revision > base)]) {
    revision = Math.max(revision, line.revision);
    if (line.collection === undefined || line.object === undefined) continue;
    const key = `${line.collection} ${keyOf(line.object)}`;
    if (line.deleted) objects.delete(key);
    else objects.set(key, [line.collection, line.object]);
  }
  return revision === 0 ? undefined : { revision, objects: [...objects.values()] };
}

/** A full disk may take a part of a text only; the rest follows, or is refused with an error. */
function writeWhole(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}

/** Opens the journal in a folder, which is made when missing. Call `compact` before the first `append`: it ends a torn line. */
export function openJournal(folder: string): Journal {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const snapshotFile = join(folder, "snapshot.jsonl");
  const logFile = join(folder, "log.jsonl");
  const recovered = replay(readLines(snapshotFile), readLines(logFile));
  const log = openSync(logFile, "a", 0o600);
  let appended = 0;

  const writeSnapshot = (store: ObjectStore): void => {
    const temporary = `${snapshotFile}.new`;
    const file = openSync(temporary, "w", 0o600);
    const head: Line = { revision: store.revision };
    const lines = store
      .collections()
      .flatMap((collection) =>
        store.list(collection).map((object): Line => ({ revision: store.revision, collection, object })),
      );
    for (const line of [head, ...lines]) writeWhole(file, `${JSON.stringify(line)}\n`);
    fsyncSync(file);
    closeSync(file);
    renameSync(temporary, snapshotFile);
  };

  return {
    recovered,
    append({ type, revision, collection, object }) {
      const line: Line = { revision, collection, object, ...(type === "DELETED" ? { deleted: true } : {}) };
      const text = `${JSON.stringify(line)}\n`;
      appended += text.length;
      writeWhole(log, text);
    },
    get isLong() {
      return appended > longLog;
    },
    compact(store) {
      writeSnapshot(store);
      ftruncateSync(log);
      appended = 0;
    },
    [Symbol.dispose]() {
      fsyncSync(log);
      closeSync(log);
    },
  };
}
