import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ContentHash } from "../../shared/core/brand.ts";
import type { Head } from "../../shared/store/documents.ts";
import { createModeDeclaration } from "./declare-mode.ts";
import { type ModeNote, readModeNote } from "./mode-note.ts";

const at = (epoch: number, seq: number) => ({ epoch, seq });

function head(state: string, epoch: number, seq: number): Head {
  return { state: state as ContentHash, applied: at(epoch, seq) } as Head;
}

/** A publisher that holds the Lease until `lost` is aborted. */
function lead(t: TestContext, begin: { readonly note?: ModeNote; readonly head?: Head } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const listeners = new Set<() => void>();
  const lost = new AbortController();
  let now = 0;
  const world = {
    own: "a",
    annotations: [] as ModeNote[],
    note: begin.note,
    faults: [] as unknown[],
    broken: false,
    lost,
    async rest() {
      for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
    },
    async pass(milliseconds: number) {
      for (let left = milliseconds; left > 0; left -= 250) {
        now += 250;
        t.mock.timers.tick(250);
        await world.rest();
      }
    },
    async change(own: string) {
      world.own = own;
      for (const listener of listeners) listener();
      await world.rest();
    },
  };
  const declaration = createModeDeclaration({
    own: () => world.own as ContentHash,
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    settings: { patience: 1000, recovery: 2000 },
    clock: { now: () => now, monotonic: () => now, after: () => ({ [Symbol.dispose]: () => undefined }) },
    head: () => begin.head,
    note: () => world.note,
    fault: (error) => world.faults.push(error),
  });
  const leading = declaration.whileLeading({
    lost: lost.signal,
    async annotate(name, value) {
      assert.equal(name, "weft.dev/mode");
      if (world.broken) throw new Error("Kubernetes is busy");
      const note = readModeNote(value);
      assert.ok(note);
      world.annotations.push(note);
      world.note = note;
    },
  });
  t.after(() => {
    lost.abort();
    return leading;
  });
  return Object.assign(world, { declaration, leading });
}

test("the mode is told when it begins and when it ends, with the time and the floor", async (t) => {
  const world = lead(t, { head: head("a", 3, 1) });
  await world.change("b");
  world.declaration.publishing("b" as ContentHash, at(3, 2));
  await world.pass(1500);
  assert.deepEqual(world.annotations.at(-1), {
    mode: "autonomous",
    since: new Date(1000).toISOString(),
    floor: at(3, 2),
  });
  world.declaration.onHead(head("b", 4, 7));
  await world.pass(3000);
  assert.deepEqual([world.annotations.at(-1)?.mode, world.annotations.at(-1)?.floor], ["following", at(4, 7)]);
  assert.deepEqual(world.faults, []);
});

test("a publisher that starts while the cloud is away, and holds what the head held last, has nothing to declare", async (t) => {
  const world = lead(t, { head: head("a", 3, 1) });
  await world.pass(60_000);
  assert.deepEqual(world.annotations, []);
});

test("a Lease that could not be written, or lost its annotation, is written again", async (t) => {
  const world = lead(t);
  world.broken = true;
  await world.pass(2000);
  assert.deepEqual([world.annotations.length, world.faults.length > 0], [0, true]);
  world.broken = false;
  await world.pass(6000);
  assert.equal(world.annotations.length, 1);
  world.note = undefined;
  await world.pass(6000);
  assert.equal(world.annotations.length, 2);
});

test("it decides only while the Lease is held, and goes on where another began", async (t) => {
  const note: ModeNote = { mode: "autonomous", since: "2026-01-01T00:00:00.000Z", floor: at(5, 0) };
  const world = lead(t, { note, head: head("z", 2, 2) });
  assert.equal(world.declaration.leads(), true);
  await world.pass(1000);
  assert.deepEqual(world.annotations, [], "nothing new");
  world.lost.abort();
  await world.leading;
  assert.equal(world.declaration.leads(), false);
});
