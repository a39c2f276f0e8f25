import assert from "node:assert/strict";
import { test } from "node:test";
import { createDerivations } from "./derivations.ts";

/** Readers of one text, each of which puts what it read at a place of its own and at a common one. */
function open(readers: number) {
  const derivations = createDerivations();
  const text = derivations.input<string>();
  const names = derivations.input<boolean>();
  const computed: string[] = [];
  const read = derivations.derive((name) => {
    computed.push(name);
    return `${name} ${text.read("text")}`;
  });
  const gathered = derivations.gather(names, read, (value) => [
    ["all", value],
    [value.slice(0, value.indexOf(" ")), value],
  ]);
  const keys = Array.from({ length: readers }, (_, index) => `n${index}`);
  text.set("text", "a");
  for (const key of keys) names.set(key, true);
  const settle = (): readonly string[] => {
    computed.length = 0;
    derivations.settle();
    return computed.toSorted();
  };
  return { text, names, keys, gathered, settle };
}

for (const readers of [1, 2, 9, 10, 30]) {
  test(`a change reaches ${readers} readers of one value, as long as they are kept`, () => {
    const { text, names, keys, gathered, settle } = open(readers);
    assert.deepEqual(settle(), keys.toSorted());
    text.set("text", "b");
    assert.deepEqual(settle(), keys.toSorted());
    assert.equal(gathered("n0")[0], "n0 b");

    const [left, ...others] = keys;
    for (const key of others) names.set(key, undefined);
    text.set("text", "c");
    assert.deepEqual(settle(), [left]);
    assert.deepEqual(gathered("all"), ["n0 c"]);
    for (const key of others) assert.deepEqual(gathered(key), []);
  });
}

test("what is taken away and put back before it is settled is computed as if nothing had been", () => {
  const { text, names, keys, gathered, settle } = open(3);
  settle();
  names.set("n1", undefined);
  names.set("n1", true);
  text.set("text", undefined);
  text.set("text", "z");
  settle();
  assert.deepEqual(
    gathered("all"),
    keys.map((key) => `${key} z`),
  );
  text.set("text", undefined);
  names.set("n2", undefined);
  names.set("nobody", undefined);
  settle();
  assert.deepEqual(gathered("all"), ["n0 undefined", "n1 undefined"]);
  assert.deepEqual([...names.keys()], ["n0", "n1"]);
});
