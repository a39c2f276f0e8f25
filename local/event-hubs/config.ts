import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { HubDefinition } from "./hub.ts";

/** Weft's three hubs (design.md §3), each read by the functions (`$Default`) and by gateways. */
export const DEFAULT_HUBS: readonly HubDefinition[] = ["mesh-events", "mesh-snapshots", "mesh-reports"].map((name) => ({
  name,
  partitionCount: 4,
  consumerGroups: ["$Default", "gateway"],
}));

/** The official emulator's `Config.json` and its limits (spec azure.md §5.1). */
const configFile = z.object({
  UserConfig: z.object({
    NamespaceConfig: z
      .array(
        z.object({
          Type: z.literal("EventHub").optional(),
          Name: z.string().optional(),
          Entities: z
            .array(
              z.object({
                Name: z.string().min(1),
                PartitionCount: z.coerce.number().int().min(1).max(32),
                ConsumerGroups: z
                  .array(z.object({ Name: z.string().min(1) }))
                  .max(20)
                  .default([]),
              }),
            )
            .min(1)
            .max(10),
        }),
      )
      .length(1),
  }),
});

/** The hubs of a `Config.json`. Throws with every fault named. */
export function parseConfig(text: string): readonly HubDefinition[] {
  const parsed = configFile.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
  }
  return parsed.data.UserConfig.NamespaceConfig.flatMap(({ Entities }) =>
    Entities.map((entity) => ({
      name: entity.Name,
      partitionCount: entity.PartitionCount,
      consumerGroups: entity.ConsumerGroups.map(({ Name }) => Name),
    })),
  );
}

/** Reads a `Config.json`; its faults carry the path. */
export async function readConfig(path: string): Promise<readonly HubDefinition[]> {
  try {
    return parseConfig(await readFile(path, "utf8"));
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new Error("not JSON", { cause });
  }
}
