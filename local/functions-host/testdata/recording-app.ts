import { appendFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { app, type InvocationContext } from "@azure/functions";

/** Writes what it does into the file that `RECORD` names, so that a test can read it whatever becomes of the process. */

/** A line of the record. */
export interface Recorded {
  readonly version: string;
  readonly phase: "begin" | "end";
  readonly invocation: string;
  readonly partition: string;
  readonly numbers: readonly number[];
}

declare const VERSION: string;

const file = process.env["RECORD"] ?? "/dev/null";

app.eventHub("batches", {
  connection: "HUB",
  eventHubName: "events",
  cardinality: "many",
  async handler(messages: unknown, context: InvocationContext) {
    const numbers = (messages as { readonly n: number }[]).map(({ n }) => n);
    const { partitionContext } = context.triggerMetadata as { partitionContext: { partitionId: string } };
    const { partitionId: partition } = partitionContext;
    const record = (phase: Recorded["phase"]): void => {
      const line: Recorded = { version: VERSION, phase, invocation: context.invocationId, partition, numbers };
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    };
    record("begin");
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    record("end");
  },
});
