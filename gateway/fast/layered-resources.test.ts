import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { ViewResource, ViewResources } from "../../shared/core/stream/view.ts";
import { differingNames, over, withEdits } from "./layered-resources.ts";

const name = fc.integer({ min: 0, max: 30 }).map((number) => `r${number}`);
const edit = fc.tuple(name, fc.option(fc.nat(3), { nil: null }));
const edits = fc.array(edit, { maxLength: 25 });

function resource(own: string, version: number): ViewResource {
  return { name: own, version: `${version}`, body: new Uint8Array(), proven: true };
}

function asEdits(some: readonly (readonly [string, number | null])[]) {
  return new Map(some.map(([own, version]) => [own, version === null ? null : resource(own, version)] as const));
}

function assertSame(layered: ViewResources, plain: ReadonlyMap<string, ViewResource>): void {
  assert.equal(layered.size, plain.size);
  assert.deepEqual(new Map(layered), plain);
  assert.deepEqual(new Set(layered.keys()), new Set(plain.keys()));
  assert.deepEqual(new Set(layered.values()), new Set(plain.values()));
  for (let number = 0; number <= 30; number++) {
    assert.equal(layered.get(`r${number}`), plain.get(`r${number}`));
    assert.equal(layered.has(`r${number}`), plain.has(`r${number}`));
  }
}

test("edits in a row give what a plain map gives, and leave what was there before as it was", () => {
  fc.assert(
    fc.property(fc.array(edits, { maxLength: 12 }), (rounds) => {
      let layered: ViewResources = new Map();
      let plain = new Map<string, ViewResource>();
      for (const round of rounds) {
        const [before, same] = [layered, plain];
        plain = new Map(plain);
        const some = asEdits(round);
        for (const [own, changed] of some) {
          if (changed === null) plain.delete(own);
          else plain.set(own, changed);
        }
        layered = withEdits(layered, some);
        assertSame(layered, plain);
        assertSame(before, same);
        const changedNames = [...new Set([...plain.keys(), ...same.keys()])].filter(
          (own) => plain.get(own) !== same.get(own),
        );
        assert.deepEqual(new Set(differingNames(before, layered)), new Set(changedNames));
      }
    }),
    { numRuns: 100 },
  );
});

test("of a name that is in both, one's own is taken", () => {
  const own = withEdits(
    new Map(),
    asEdits([
      ["r1", 1],
      ["r2", 1],
    ]),
  );
  const shared = withEdits(
    new Map(),
    asEdits([
      ["r2", 2],
      ["r3", 2],
    ]),
  );
  const both = over(own, shared);
  assertSame(both, new Map([...shared, ...own]));
  assert.equal(over(new Map(), shared), shared);
  assert.equal(over(own, new Map()), own);
});
