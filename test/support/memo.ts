/** What was made of a key is made once, until there are too many: then all are forgotten. A night of generated cases has millions. */
export function createMemo<Value>(most = 10_000): (key: string, make: () => Value) => Value {
  const made = new Map<string, Value>();
  return (key, make) => {
    const present = made.get(key);
    if (present !== undefined) return present;
    if (made.size >= most) made.clear();
    const value = make();
    made.set(key, value);
    return value;
  };
}
