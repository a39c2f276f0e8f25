import { composeFunctions, type FunctionsApp } from "../../functions/compose.ts";
import type { FunctionParts } from "../../functions/ports.ts";
import { pumpPartition } from "../../local/functions-host/event-hub/partition-pump.ts";
import type { CheckpointStore } from "../../local/functions-host/event-hub/received-event.ts";
import { toRetryPolicy } from "../../local/functions-host/retry-policy.ts";
import { waitOrAbort } from "../../local/functions-host/run-with-retries.ts";
import { pause } from "../../shared/shell/pause.ts";
import { type SimulatedHub, source } from "./hub.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";
import type { Wire } from "./wire.ts";

export interface FunctionsProcessOptions {
  readonly actor: Actor;
  readonly time: VirtualTime;
  readonly wire: Wire;
  readonly parts: FunctionParts;
  readonly events: SimulatedHub;
  readonly reports: SimulatedHub;
  /** The app as it is, or with a bug planted in it. */
  readonly mutate: (app: FunctionsApp) => FunctionsApp;
  /** Milliseconds between two sweeps. */
  readonly sweepInterval: number;
}

/** Rules of host.json. */
const batching = { maxEventBatchSize: 100, minEventBatchSize: 1, maxWaitTime: 0, batchCheckpointFrequency: 1 };

/**
 * A functions host with the app: the real use cases, taken through the real pump. It ends by being killed alone, as the platform does it; another one goes on
 * after the checkpoint.
 */
export function startFunctionsProcess(options: FunctionsProcessOptions): void {
  const { actor, time, parts } = options;
  time.as(actor, () => {
    const app = options.mutate(composeFunctions(parts));
    void pump(options, options.events, app.ingestEvents);
    void pump(options, options.reports, app.recordReports);
    void sweepForEver(app, options.sweepInterval);
  });
}

async function sweepForEver(app: FunctionsApp, interval: number): Promise<void> {
  const never = new AbortController();
  for (;;) {
    await pause(interval, never.signal);
    try {
      await app.sweep();
    } catch {
      // The platform notes it and calls again when the time comes.
    }
  }
}

async function pump(
  { actor, wire, parts }: FunctionsProcessOptions,
  hub: SimulatedHub,
  invoke: (messages: readonly unknown[]) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const checkpoints: CheckpointStore = {
    read: async () => hub.checkpoint.position,
    write: (_, position) =>
      wire.call(actor, {
        target: "checkpoints",
        what: `checkpoint ${hub.name} ${position.offset}`,
        effect: () => {
          hub.checkpoint.position = position;
        },
      }),
  };
  try {
    await pumpPartition({
      source: { ...source, hub: hub.name },
      reader: hub.read(actor, stop.signal),
      checkpoints,
      options: batching,
      cardinality: "many",
      policy: toRetryPolicy(undefined),
      signal: stop.signal,
      wait: waitOrAbort,
      invoke: (events) => invoke(events.map(({ body }) => toMessage(body))),
      onFailure: () => parts.log.warn("invocation failed"),
      onCheckpointFailure: () => parts.log.warn("no checkpoint"),
    });
  } catch {
    parts.log.warn("the partition was lost");
  }
}

/** JSON bodies come parsed, others as text. */
function toMessage(body: Uint8Array): unknown {
  const text = Buffer.from(body).toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
