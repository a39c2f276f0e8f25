import type { Disk } from "../../gateway/disk/disk.ts";
import type { Remembered } from "../../gateway/disk/gateway-record.ts";
import type { Random } from "./random.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";
import type { Wire } from "./wire.ts";

/** The disk of one replica: it outlives the processes that have it, one after another. */
export interface SimulatedDisk {
  /** Of the replica. */
  readonly name: string;
  readonly for: (actor: Actor) => Disk;
  /** The process died: of each file that it was writing there is the old one or the new one, and what it had removed may be there again. */
  readonly crash: () => void;
  /** A byte of some file is another one. */
  readonly damage: (random: Random) => void;
  readonly lose: () => void;
  /** What its record says; undefined where there is none, or where anything was ever damaged. */
  readonly recall: () => Remembered | undefined;
}

/** What processes do to disks begins so, where it is told. */
export const diskWork = "disk:";

/** Shares of the writes, 0 to 1. */
export interface DiskWeather {
  /** They fail. */
  full: number;
  /** They take seconds. */
  slow: number;
}

export function createSimulatedDisk(
  name: string,
  parts: {
    readonly time: VirtualTime;
    readonly wire: Wire;
    readonly random: Random;
    readonly weather: Readonly<DiskWeather>;
  },
): SimulatedDisk {
  const { time, wire, random, weather } = parts;
  const files = new Map<string, Buffer>();
  /** What is being written. */
  const unfinished = new Set<{ readonly path: string; readonly content: Buffer }>();
  /** Removed since the last time that their folder was synced. */
  const removed = new Map<string, Buffer>();
  let damaged = false;
  const later = (actor: Actor, milliseconds: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    time.after(milliseconds, actor, resolve);
    return promise;
  };
  const read = async (actor: Actor, path: string): Promise<Buffer | undefined> => {
    if (random.chance(0.1)) await later(actor, random.between(1, 50));
    return files.get(path);
  };
  const sync = (folder: string): void => {
    for (const path of removed.keys()) if (folderOf(path) === folder) removed.delete(path);
  };
  const replace = async (actor: Actor, path: string, content: string | Uint8Array): Promise<void> => {
    const write = { path, content: Buffer.from(content) };
    unfinished.add(write);
    wire.ambushed(actor, `${diskWork} write of ${path}`);
    await later(actor, random.chance(weather.slow) ? random.between(200, 4000) : random.between(1, 15));
    unfinished.delete(write);
    if (random.chance(weather.full)) throw new Error("no space left on the device");
    files.set(path, write.content);
    sync(folderOf(path));
  };
  const within = (actor: Actor, folder: string): Disk => ({
    read: (file) => read(actor, folder + file),
    readPart: async (file, { start, end }) => (await read(actor, folder + file))?.subarray(start, end),
    replace: (file, content) => replace(actor, folder + file, content),
    async remove(file) {
      wire.ambushed(actor, `${diskWork} removal of ${folder}${file}`);
      const content = files.get(folder + file);
      if (content !== undefined && actor.alive) removed.set(folder + file, content);
      if (actor.alive) files.delete(folder + file);
    },
    files: async () =>
      [...files.keys()].filter((path) => folderOf(path) === folder).map((path) => path.slice(folder.length)),
    within: (inner) => within(actor, `${folder}${inner}/`),
  });
  return {
    name,
    for: (actor) => within(actor, ""),
    crash() {
      for (const { path, content } of unfinished) if (random.chance(0.5)) files.set(path, content);
      for (const [path, content] of removed) if (random.chance(0.2) && !files.has(path)) files.set(path, content);
      unfinished.clear();
      removed.clear();
    },
    damage(chance) {
      if (files.size === 0) return;
      const path = chance.pick([...files.keys()]);
      const content = Buffer.from(files.get(path) ?? "");
      const at = chance.below(content.length);
      const spoiled = chance.chance(0.3) ? content.subarray(0, at) : content;
      if (spoiled === content) spoiled[at] = (spoiled[at] ?? 0) ^ (1 << chance.below(7));
      files.set(path, spoiled);
      damaged = true;
    },
    lose() {
      for (const all of [files, unfinished, removed]) all.clear();
      damaged = false;
    },
    recall() {
      const record = files.get("record")?.toString("utf8");
      if (damaged || record === undefined) return undefined;
      return JSON.parse(record.slice(record.indexOf("\n") + 1)) as Remembered;
    },
  };
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
