import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { FunctionsHostError, firstLine } from "./functions-host-error.ts";

/** What host.json may say, with the platform's defaults (spec/azure.md §6.1). */
export interface HostJson {
  readonly eventHubs: EventHubsOptions;
  /** Before every HTTP route; "" for none. */
  readonly routePrefix: string;
}

export interface EventHubsOptions {
  readonly maxEventBatchSize: number;
  readonly minEventBatchSize: number;
  /** Milliseconds to wait for the minimum batch. */
  readonly maxWaitTime: number;
  /** Every how many batches the position is written. */
  readonly batchCheckpointFrequency: number;
  readonly prefetchCount: number;
  readonly initialOffset: InitialOffset;
}

/** Where a partition without a checkpoint is begun. */
export type InitialOffset =
  | { readonly kind: "from-start" }
  | { readonly kind: "from-end" }
  | { readonly kind: "from-time"; readonly enqueuedAfter: number };

const timeSpan = z.string().regex(/^(\d+\.)?\d{1,2}:\d{2}:\d{2}(\.\d+)?$/, "must be a time span such as 00:01:00");
const count = z.number().int().min(1);

const hostJsonSchema = z.looseObject({
  version: z.literal("2.0").optional(),
  extensions: z
    .looseObject({
      eventHubs: z
        .looseObject({
          maxEventBatchSize: count.optional(),
          minEventBatchSize: count.optional(),
          maxWaitTime: timeSpan.optional(),
          batchCheckpointFrequency: count.optional(),
          prefetchCount: count.optional(),
          initialOffsetOptions: z
            .looseObject({
              type: z.enum(["fromStart", "fromEnd", "fromEnqueuedTime"]).optional(),
              enqueuedTimeUtc: z.string().optional(),
            })
            .optional(),
        })
        .optional(),
      http: z.looseObject({ routePrefix: z.string().optional() }).optional(),
    })
    .optional(),
});

/**
 * @param value the content of host.json, `undefined` for all defaults.
 * @throws {FunctionsHostError} naming the field that is wrong.
 */
export function parseHostJson(value: unknown): HostJson {
  const parsed = hostJsonSchema.safeParse(value ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue === undefined || issue.path.length === 0 ? "" : ` (${issue.path.join(".")})`;
    throw new FunctionsHostError(
      "host-json-invalid",
      `host.json is not valid${field}: ${issue?.message ?? "unreadable"}.`,
    );
  }
  const hubs = parsed.data.extensions?.eventHubs ?? {};
  return {
    eventHubs: {
      maxEventBatchSize: hubs.maxEventBatchSize ?? 100,
      minEventBatchSize: hubs.minEventBatchSize ?? 1,
      maxWaitTime: toMilliseconds(hubs.maxWaitTime ?? "00:01:00"),
      batchCheckpointFrequency: hubs.batchCheckpointFrequency ?? 1,
      prefetchCount: Math.max(hubs.prefetchCount ?? 300, hubs.maxEventBatchSize ?? 100),
      initialOffset: toInitialOffset(hubs.initialOffsetOptions?.type, hubs.initialOffsetOptions?.enqueuedTimeUtc),
    },
    routePrefix: (parsed.data.extensions?.http?.routePrefix ?? "api").replaceAll(/^\/|\/$/g, ""),
  };
}

/** Reads a host.json; a missing file means all defaults. */
export function readHostJson(file: string): HostJson {
  if (!existsSync(file)) return parseHostJson(undefined);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new FunctionsHostError("host-json-invalid", `${file} is not JSON: ${firstLine(error)}`, { cause: error });
  }
  return parseHostJson(content);
}

function toInitialOffset(type: string | undefined, enqueuedTimeUtc: string | undefined): InitialOffset {
  if (type === "fromEnd") return { kind: "from-end" };
  if (type !== "fromEnqueuedTime") return { kind: "from-start" };
  const enqueuedAfter = Date.parse(enqueuedTimeUtc ?? "");
  if (Number.isNaN(enqueuedAfter)) {
    const field = "extensions.eventHubs.initialOffsetOptions.enqueuedTimeUtc";
    throw new FunctionsHostError("host-json-invalid", `host.json is not valid (${field}): it must be a time.`);
  }
  return { kind: "from-time", enqueuedAfter };
}

/** A .NET time span (`d.hh:mm:ss.f`) in milliseconds. */
function toMilliseconds(span: string): number {
  const match = /^(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(span);
  if (match === null) return 0;
  const [days, hours, minutes, seconds] = [match[1] ?? "0", match[2], match[3], match[4]].map(Number);
  return (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60_000 + (seconds ?? 0) * 1000;
}
