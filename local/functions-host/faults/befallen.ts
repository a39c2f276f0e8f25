import { promiseHooks } from "node:v8";
import type { CheckpointStore } from "../event-hub/received-event.ts";
import type { HostFaults } from "./host-fault.ts";

/** Runs an attempt at a function with what befalls it. @throws what the attempt threw, or the fault that it failed by */
export async function runBefallen<Result>(
  faults: HostFaults,
  functionName: string,
  attempt: () => Promise<Result>,
): Promise<Result> {
  const befallen = await faults.befall("invocation", { function: functionName });
  let owners = 1;
  let failure: "none" | "all" | undefined;
  for (const fault of befallen) {
    if (fault.fault === "kill") killAfter(fault.awaits);
    if (fault.fault === "stall") standStill(fault.milliseconds);
    if (fault.fault === "two-owners") owners += 1;
    if (fault.fault === "fail") failure = fault.effect;
  }
  if (failure === "none") throw new Error("the invocation failed on purpose, before it began");
  const attempts = Array.from({ length: owners }, attempt);
  await Promise.allSettled(attempts);
  const [first = attempt()] = attempts;
  const result = await first;
  if (failure === "all") throw new Error("the invocation failed on purpose, after it ended");
  return result;
}

/** The store, with what befalls its writes. */
export function befallenCheckpoints(faults: HostFaults, store: CheckpointStore): CheckpointStore {
  return {
    read: (source) => store.read(source),
    async write(source, position) {
      const { hub, partition, consumerGroup } = source;
      for (const fault of await faults.befall("checkpoint", { hub, partition, group: consumerGroup })) {
        if (fault.fault === "kill") killAfter(fault.awaits);
        if (fault.fault === "lose") return;
      }
      await store.write(source, position);
    },
  };
}

/** Kills this process at the so many-th continuation of a promise from now, whoever's it is. */
function killAfter(awaits: number): void {
  let left = awaits;
  const kill = (): void => {
    if (left > 0) left -= 1;
    else process.kill(process.pid, "SIGKILL");
  };
  if (awaits === 0) kill();
  else promiseHooks.onBefore(kill);
}

function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
