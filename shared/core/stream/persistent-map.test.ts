import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  emptyPersistentMap,
  entriesOf,
  lookup,
  type PersistentMap,
  withEntries,
  withEntry,
  without,
  withoutAll,
} from "./persistent-map.ts";

const name = fc.constantFrom(...Array.from({ length: 60 }, (_, index) => `n${index}`));

test("a persistent map behaves as a map, and what was taken from it earlier does not change", () => {
  const change = fc.oneof(
    fc.record({ set: fc.array(fc.tuple(name, fc.integer()), { maxLength: 40 }) }),
    fc.record({ drop: fc.array(name, { maxLength: 40 }) }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      let map: PersistentMap<number> = emptyPersistentMap();
      const model = new Map<string, number>();
      const earlier: { readonly map: PersistentMap<number>; readonly model: ReadonlyMap<string, number> }[] = [];
      for (const one of changes) {
        if ("set" in one) {
          const [only] = one.set;
          map = one.set.length === 1 && only ? withEntry(map, only[0], only[1]) : withEntries(map, one.set);
          for (const [key, value] of one.set) model.set(key, value);
        } else {
          map = one.drop.length === 1 ? without(map, one.drop[0] ?? "") : withoutAll(map, one.drop);
          for (const key of one.drop) model.delete(key);
        }
        earlier.push({ map, model: new Map(model) });
      }
      for (const state of earlier) {
        assert.deepEqual(new Map(entriesOf(state.map)), state.model);
        assert.equal(state.map.size, state.model.size);
        for (const [key, value] of state.model) assert.equal(lookup(state.map, key), value);
      }
    }),
  );
});
