/**
 * Does the work for a key at once when it is the first time in this turn of the event loop. What comes again in the same turn is done once more, at its end: so
 * nothing waits when little happens, and a storm of news of one thing costs two pieces of work a turn.
 */
export function createOncePerTurn<Key>(
  work: (key: Key) => void,
  fault: (error: unknown) => void,
): ((key: Key) => void) & Disposable {
  const done = new Set<Key>();
  const again = new Set<Key>();
  let disposed = false;
  const endTurn = (): void => {
    const late = [...again];
    done.clear();
    again.clear();
    for (const key of late) {
      try {
        if (!disposed) work(key);
      } catch (error) {
        fault(error);
      }
    }
  };
  const onNews = (key: Key): void => {
    if (done.has(key)) {
      again.add(key);
      return;
    }
    if (done.size === 0) setImmediate(endTurn);
    done.add(key);
    work(key);
  };
  return Object.assign(onNews, {
    [Symbol.dispose]() {
      disposed = true;
    },
  });
}
