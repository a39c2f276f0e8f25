/** Keys waiting to be worked on: each once, however often it was added, in the order of its first adding. */

export interface WorkQueue extends Disposable {
  add(key: string): void;
}

/** @param work done once for each key, in the turn of the event loop after it was added */
export function createWorkQueue(work: (key: string) => void): WorkQueue {
  const waiting = new Set<string>();
  let scheduled: NodeJS.Immediate | undefined;
  const run = (): void => {
    scheduled = undefined;
    const keys = [...waiting];
    waiting.clear();
    for (const key of keys) work(key);
  };
  return {
    add(key) {
      waiting.add(key);
      scheduled ??= setImmediate(run);
    },
    [Symbol.dispose]() {
      if (scheduled !== undefined) clearImmediate(scheduled);
      waiting.clear();
    },
  };
}
