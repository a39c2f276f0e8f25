import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { partitionOfKey } from "./log/partition-key.ts";
import { createPartitionLog, type PartitionLog } from "./log/partition-log.ts";
import { openSegmentFiles } from "./log/segment-files.ts";
import type { Reader } from "./readers.ts";
import type { Refusal } from "./refusal.ts";

/** A hub to be served. The group `$Default` is always there and need not be named. */
export interface HubDefinition {
  readonly name: string;
  readonly partitionCount: number;
  readonly consumerGroups?: readonly string[];
}

const DEFAULT_CONSUMER_GROUP = "$Default";

/** A reader that can be sent away. */
export interface AttachedReader extends Reader {
  close(reason: Refusal): void;
}

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
  /** The partition of a key, or the next in turn where there is none. */
  partitionFor(partitionKey: string | undefined): Partition;
  close(): void;
}

/** Consumer groups (as hubs) are named without regard to case: the SDK itself writes `$Default` and `$default`. */
export const groupKey = (consumerGroup: string): string => consumerGroup.toLowerCase();

export interface OpenHubOptions {
  readonly definition: HubDefinition;
  /** Where all hubs keep their events; in memory when undefined. */
  readonly dir: string | undefined;
  readonly now: () => number;
}

/** Opens a hub, with the events kept in its directory. Throws when that directory was made for another number of partitions. */
export async function openHub({ definition, dir, now }: OpenHubOptions): Promise<Hub> {
  const { name, partitionCount, consumerGroups = [] } = definition;
  const hubDir = dir === undefined ? undefined : join(dir, encodeURIComponent(name.toLowerCase()));
  const createdAt =
    hubDir === undefined ? now() : await readOrWriteHubFile(hubDir, { partitionCount, createdAt: now() });
  const groups = [...new Set([DEFAULT_CONSUMER_GROUP, ...consumerGroups].map(groupKey))];
  const partitions: Partition[] = [];
  for (let index = 0; index < partitionCount; index += 1) {
    const id = String(index);
    const files = hubDir === undefined ? {} : await openSegmentFiles({ dir: join(hubDir, id) });
    const log = createPartitionLog({ now, ...files });
    partitions.push({ id, log, readers: new Map(groups.map((group) => [group, new Set<AttachedReader>()])) });
  }
  let turn = 0;
  return {
    name,
    createdAt,
    partitions,
    partitionFor(partitionKey) {
      const index = partitionKey === undefined ? turn++ % partitionCount : partitionOfKey(partitionKey, partitionCount);
      const partition = partitions[index];
      if (partition === undefined) throw new Error(`hub ${name} has no partition ${index}`);
      return partition;
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

async function readOrWriteHubFile(hubDir: string, wanted: HubFile): Promise<number> {
  await mkdir(hubDir, { recursive: true });
  const path = join(hubDir, "hub.json");
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) {
    await writeFile(path, JSON.stringify(wanted));
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
