/** Works on each item as it comes. What comes while one is being worked on waits for it; what still waits when one fails comes before the next. */
export function createOneAtATime<Item>(work: (item: Item) => void): (item: Item) => void {
  const waiting: Item[] = [];
  let working = false;
  return (item) => {
    if (working || waiting.length > 0) waiting.push(item);
    if (working) return;
    working = true;
    try {
      if (waiting.length === 0) work(item);
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) work(next);
    } finally {
      working = false;
    }
  };
}
