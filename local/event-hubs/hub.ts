import { renameSync, writeFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { partitionOfKey } from "./log/partition-key.ts";
import { createPartitionLog, type PartitionLog, type Retention } from "./log/partition-log.ts";
import { openSegmentFiles } from "./log/segment-files.ts";
import type { Reader } from "./readers.ts";
import { notFound, type Refusal } from "./refusal.ts";

/** A hub to be served. The group `$Default` is always there and need not be named. */
export interface HubDefinition {
  readonly name: string;
  readonly partitionCount: number;
  readonly consumerGroups?: readonly string[];
}

const DEFAULT_CONSUMER_GROUP = "$Default";

/** Something a client has open that the service can close. */
export interface Attached {
  close(reason: Refusal): void;
}

export interface AttachedReader extends Reader, Attached {}

/** One partition of one hub; `readers` has an entry per consumer group. */
export interface Partition {
  readonly id: string;
  readonly log: PartitionLog;
  readonly readers: ReadonlyMap<string, Set<AttachedReader>>;
}

export interface Hub {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly partitions: readonly Partition[];
  readonly senders: Set<Attached>;
  /** The partition of a key, or the next in turn where there is none. */
  partitionFor(partitionKey: string | undefined): Partition;
  /** As if somebody had deleted the hub and made it again: everything is gone, and whoever was attached is told so. */
  recreate(): void;
  close(): void;
}

/** Consumer groups (as hubs) are named without regard to case: the SDK itself writes `$Default` and `$default`. */
export const groupKey = (consumerGroup: string): string => consumerGroup.toLowerCase();

export interface OpenHubOptions {
  readonly definition: HubDefinition;
  /** Where all hubs keep their events; in memory when undefined. */
  readonly dir: string | undefined;
  readonly now: () => number;
  readonly retention?: Retention;
}

/** Opens a hub, with the events kept in its directory. Throws when that directory was made for another number of partitions. */
export async function openHub({ definition, dir, now, retention = {} }: OpenHubOptions): Promise<Hub> {
  const { name, partitionCount, consumerGroups = [] } = definition;
  const hubDir = dir === undefined ? undefined : join(dir, encodeURIComponent(name.toLowerCase()));
  let createdAt = hubDir === undefined ? now() : await readOrWriteHubFile(hubDir, { partitionCount, createdAt: now() });
  const groups = [...new Set([DEFAULT_CONSUMER_GROUP, ...consumerGroups].map(groupKey))];
  const partitions: Partition[] = [];
  for (let index = 0; index < partitionCount; index += 1) {
    const id = String(index);
    const files = hubDir === undefined ? {} : await openSegmentFiles({ dir: join(hubDir, id) });
    const log = createPartitionLog({ now, retention, ...files });
    partitions.push({ id, log, readers: new Map(groups.map((group) => [group, new Set<AttachedReader>()])) });
  }
  const senders = new Set<Attached>();
  let turn = 0;
  return {
    name,
    get createdAt() {
      return createdAt;
    },
    partitions,
    senders,
    partitionFor(partitionKey) {
      const index = partitionKey === undefined ? turn++ % partitionCount : partitionOfKey(partitionKey, partitionCount);
      const partition = partitions[index];
      if (partition === undefined) throw new Error(`hub ${name} has no partition ${index}`);
      return partition;
    },
    recreate() {
      createdAt = now();
      if (hubDir !== undefined) writeHubFile(hubDir, { partitionCount, createdAt });
      for (const { log } of partitions) log.clear();
      const attached = [senders, ...partitions.flatMap(({ readers }) => [...readers.values()])];
      for (const one of attached.flatMap((set) => [...set])) one.close(notFound(name));
    },
    close() {
      for (const { log } of partitions) log.close();
    },
  };
}

interface HubFile {
  readonly partitionCount: number;
  readonly createdAt: number;
}

const HUB_FILE = "hub.json";

/** As a whole or not at all. */
function writeHubFile(hubDir: string, file: HubFile): void {
  const path = join(hubDir, HUB_FILE);
  writeFileSync(`${path}.new`, JSON.stringify(file));
  renameSync(`${path}.new`, path);
}

async function readOrWriteHubFile(hubDir: string, wanted: HubFile): Promise<number> {
  await mkdir(hubDir, { recursive: true });
  const text = await readFile(join(hubDir, HUB_FILE), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) {
    writeHubFile(hubDir, wanted);
    return wanted.createdAt;
  }
  const found = JSON.parse(text) as Partial<HubFile>;
  if (found.partitionCount !== wanted.partitionCount) {
    throw new Error(
      `${hubDir} was made for ${found.partitionCount} partitions, not ${wanted.partitionCount}: take another directory or remove it`,
    );
  }
  return found.createdAt ?? wanted.createdAt;
}
