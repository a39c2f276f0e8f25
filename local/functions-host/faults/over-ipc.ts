import type { ChildProcess } from "node:child_process";
import type { FaultInjector } from "../../faults/fault-injector.ts";
import type { HostFault, HostFaults } from "./host-fault.ts";

/** A worker asks what befalls an operation; the answer has the same id. */
interface Question {
  readonly id: number;
  readonly on: HostFault["on"];
  readonly subject: Readonly<Record<string, string>>;
}

interface Decision {
  readonly id: number;
  readonly faults: readonly HostFault[];
}

/** The faults as a worker gets them, from the process that started it. */
export function askParentForFaults(): HostFaults {
  const waiting = new Map<number, (faults: readonly HostFault[]) => void>();
  let asked = 0;
  process.on("message", ({ id, faults }: Decision) => {
    waiting.get(id)?.(faults);
    waiting.delete(id);
  });
  // A worker that has nothing else to do may end.
  process.channel?.unref();
  return {
    befall: (on, subject) =>
      new Promise((resolve) => {
        asked += 1;
        waiting.set(asked, resolve);
        process.send?.({ id: asked, on, subject } satisfies Question);
      }),
  };
}

/** Answers a worker's questions as long as it runs. */
export function answerWorker(worker: ChildProcess, injector: FaultInjector<HostFault>): void {
  worker.on("message", (message) => {
    const { id, on, subject } = message as Question;
    if (!worker.connected) return;
    worker.send({ id, faults: injector.befall(on, subject) } satisfies Decision, () => {
      // A worker that was killed in between wants no answer.
    });
  });
}
