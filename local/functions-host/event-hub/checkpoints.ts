import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { replaceFile } from "../replace-file.ts";
import type { CheckpointStore, PartitionSource, Position } from "./received-event.ts";

const positionSchema = z.object({ offset: z.string(), sequenceNumber: z.number() });

/** Checkpoints that live as long as the host. */
export function createMemoryCheckpoints(): CheckpointStore {
  const positions = new Map<string, Position>();
  return {
    async read(source) {
      return positions.get(toPath(source));
    },
    async write(source, position) {
      positions.set(toPath(source), position);
    },
  };
}

/**
 * Checkpoints as files, one a partition: `<directory>/<namespace>/<hub>/<group>/<partition>.json`, the counterpart of the blobs
 * in `azure-webjobs-eventhub`.
 */
export function createFileCheckpoints(directory: string): CheckpointStore {
  return {
    async read(source) {
      const file = join(directory, toPath(source));
      let content: string;
      try {
        content = await readFile(file, "utf8");
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
      return positionSchema.parse(JSON.parse(content));
    },
    async write(source, position) {
      await replaceFile(join(directory, toPath(source)), `${JSON.stringify(position)}\n`);
    },
  };
}

function toPath(source: PartitionSource): string {
  const parts = [source.namespace, source.hub, source.consumerGroup].map((part) => encodeURIComponent(part));
  return `${parts.join("/")}/${encodeURIComponent(source.partition)}.json`;
}
