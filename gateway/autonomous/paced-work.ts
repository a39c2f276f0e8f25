import type { Clock } from "../../shared/ports/clock.ts";

/** Work that takes the process for itself: one at a time, and never again sooner than a while after it ended. */
export interface PacedWork extends Disposable {
  /** Begins now, or as soon as it may; while it runs it is not asked for again. */
  readonly ask: () => void;
  /** Ends when nothing runs. */
  readonly idle: () => Promise<void>;
}

/** `distance` in milliseconds. `due`: the work ended, or may begin now. `work` must not reject. */
export function createPacedWork(options: {
  readonly clock: Clock;
  readonly distance: number;
  readonly work: () => Promise<void>;
  readonly due: () => void;
}): PacedWork {
  const { clock, distance } = options;
  let running: Promise<void> | undefined;
  let endedAt = Number.NEGATIVE_INFINITY;
  let waiting: Disposable | undefined;
  const run = async (): Promise<void> => {
    await options.work();
    endedAt = clock.monotonic();
    running = undefined;
    options.due();
  };
  return {
    ask() {
      if (running !== undefined) return;
      waiting?.[Symbol.dispose]();
      const wait = endedAt + distance - clock.monotonic();
      if (wait > 0) waiting = clock.after(wait, options.due);
      else running = run();
    },
    async idle() {
      await running;
    },
    [Symbol.dispose]() {
      waiting?.[Symbol.dispose]();
    },
  };
}
