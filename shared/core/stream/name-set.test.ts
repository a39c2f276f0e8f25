import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  emptyNameSet,
  hasName,
  type NameSet,
  namesIn,
  rebaseNames,
  shareNames,
  withNames,
  withoutNames,
} from "./name-set.ts";
import { entriesOf } from "./persistent-map.ts";
import type { ViewResource } from "./view.ts";

const everyone = Array.from({ length: 80 }, (_, index) => `n${index}`);
const some = fc.subarray(everyone);
const most = fc.subarray(everyone, { minLength: 70 });

const action = fc.oneof(
  fc.record({ kind: fc.constantFrom("add" as const, "remove" as const), names: fc.oneof(some, most) }),
  fc.record({ kind: fc.constant("view" as const), names: fc.oneof(some, most) }),
);

function resourcesOf(names: readonly string[]): ReadonlyMap<string, ViewResource> {
  return new Map(names.map((name) => [name, { name, version: "1", body: new Uint8Array(), proven: true }]));
}

test("a set of names behaves as a set, whatever the view has that it is kept by", () => {
  let shared = 0;
  fc.assert(
    fc.property(fc.array(action, { maxLength: 20 }), (actions) => {
      let names: NameSet = emptyNameSet;
      let view = resourcesOf([]);
      const model = new Set<string>();
      for (const one of actions) {
        if (one.kind === "add") {
          names = withNames(names, one.names);
          for (const name of one.names) model.add(name);
        } else if (one.kind === "remove") {
          names = withoutNames(names, one.names);
          for (const name of one.names) model.delete(name);
        } else {
          const before = view;
          view = resourcesOf(one.names);
          names = rebaseNames(names, view, [...new Set([...before.keys(), ...view.keys()])]);
        }
        names = shareNames(names, view);
        if (names.base !== undefined) shared += 1;
        assert.equal(names.size, model.size);
        assert.deepEqual([...namesIn(names)].sort(), [...model].sort());
        for (const name of everyone) assert.equal(hasName(names, name), model.has(name));
      }
    }),
  );
  assert.ok(shared > 0);
});

test("shareNames() keeps nothing but the difference to what the view has", () => {
  const names = shareNames(withNames(emptyNameSet, [...everyone.slice(1), "other"]), resourcesOf(everyone));
  assert.deepEqual(
    [...entriesOf(names.differs)],
    [
      ["other", true],
      ["n0", false],
    ],
  );
});
