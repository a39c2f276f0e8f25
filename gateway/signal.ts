/** Wakes one waiter; raised while nobody waits, it wakes the next at once. */
export interface Signal {
  readonly raise: () => void;
  /** Until raised, or `milliseconds`, or aborted. */
  readonly wait: (milliseconds: number, abort: AbortSignal) => Promise<void>;
}

export function createSignal(): Signal {
  let raised = false;
  let wake: (() => void) | undefined;
  return {
    raise() {
      raised = true;
      wake?.();
    },
    async wait(milliseconds, abort) {
      if (!raised && !abort.aborted && milliseconds > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, milliseconds);
        const stop = (): void => resolve();
        abort.addEventListener("abort", stop, { once: true });
        await promise;
        clearTimeout(timer);
        abort.removeEventListener("abort", stop);
      }
      wake = undefined;
      raised = false;
    },
  };
}
