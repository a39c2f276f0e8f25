/** Runs `work` over all items, at most `limit` at once. After a fault no more are begun; the first one is thrown when the running ones ended. */
export async function eachOf<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const faults: unknown[] = [];
  const lane = async (): Promise<void> => {
    while (faults.length === 0) {
      const index = next++;
      if (index >= items.length) return;
      try {
        await work(items[index] as T);
      } catch (error) {
        faults.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (faults.length > 0) throw faults[0];
}
