import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { startFaultControl } from "./fault-control.ts";
import { createFaultInjector, type FaultInjector } from "./fault-injector.ts";
import { parseControlPort, parseFaultPlan, readFaultPlan } from "./fault-plan.ts";

const schema = z.discriminatedUnion("fault", [
  z.strictObject({ fault: z.literal("busy"), on: z.enum(["send", "receive"]) }),
  z.strictObject({ fault: z.literal("delay"), on: z.literal("send"), milliseconds: z.number() }),
]);
type Fault = z.infer<typeof schema>;

function injector(seed: number, ...faults: readonly Readonly<Record<string, unknown>>[]): FaultInjector<Fault> {
  return createFaultInjector(parseFaultPlan(JSON.stringify({ seed, faults }), schema));
}

/** Which of the first `count` operations are befallen, from 1. */
function hits(of: FaultInjector<Fault>, count: number, subject: Readonly<Record<string, string>> = {}): number[] {
  return Array.from({ length: count }, (_, index) => index + 1).filter(() => of.befall("send", subject).length > 0);
}

test("befall() takes the named occurrences, all from one on, at most so many, or all", () => {
  const busy = { fault: "busy", on: "send" };
  assert.deepEqual(hits(injector(0, { ...busy, at: [3, 5] }), 6), [3, 5]);
  assert.deepEqual(hits(injector(0, { ...busy, from: 4 }), 6), [4, 5, 6]);
  assert.deepEqual(hits(injector(0, { ...busy, limit: 2 }), 6), [1, 2]);
  assert.deepEqual(hits(injector(0, busy), 3), [1, 2, 3]);
  assert.deepEqual(hits(injector(0, { ...busy, on: "receive" }), 3), []);
});

test("befall() counts only what fits, and gives all faults of an operation in the plan's order", () => {
  const both = injector(
    0,
    { fault: "busy", on: "send", at: [2], where: { hub: "a" } },
    { fault: "delay", on: "send", milliseconds: 5 },
  );
  assert.deepEqual(both.befall("send", { hub: "a" }), [{ fault: "delay", on: "send", milliseconds: 5 }]);
  assert.equal(both.befall("send", { hub: "b" }).length, 1);
  assert.deepEqual(
    both.befall("send", { hub: "a" }).map(({ fault }) => fault),
    ["busy", "delay"],
  );
  assert.deepEqual(
    both.history.map(({ fault, occurrence }) => [fault.fault, occurrence]),
    [
      ["delay", 1],
      ["delay", 2],
      ["busy", 2],
      ["delay", 3],
    ],
  );
});

test("the same seed gives the same history, another one another, and subjects do not disturb each other", () => {
  const rule = { fault: "busy", on: "send", rate: 0.3 };
  const first = hits(injector(7, rule), 200, { partition: "0" });
  assert.deepEqual(hits(injector(7, rule), 200, { partition: "0" }), first);
  assert.notDeepEqual(hits(injector(8, rule), 200, { partition: "0" }), first);
  assert.ok(first.length > 30 && first.length < 90, `${first.length}`);
  const mixed = injector(7, rule);
  const interleaved = Array.from({ length: 200 }, (_, index) => index + 1).filter(() => {
    mixed.befall("send", { partition: "1" });
    return mixed.befall("send", { partition: "0" }).length > 0;
  });
  assert.deepEqual(interleaved, first);
});

test("replace() begins to count anew", () => {
  const one = injector(0, { fault: "busy", on: "send", at: [1] });
  assert.deepEqual(hits(one, 2), [1]);
  one.replace(one.plan);
  assert.deepEqual(hits(one, 2), [1]);
});

test("a plan's mistakes are named", async () => {
  for (const [text, expected] of [
    ["{", /faults are not JSON/],
    ['{"faults":[{"fault":"busy","on":"walk"}]}', /^faults\.0\.on: /],
    ['{"faults":[{"fault":"delay","on":"send"}]}', /^faults\.0\.milliseconds: /],
    ['{"faults":[{"fault":"busy","on":"send","at":[0]}]}', /^faults\.faults\.0\.at\.0: /],
    ['{"faults":[{"fault":"busy","on":"send","often":1}]}', /often/],
  ] as const) {
    assert.throws(
      () => parseFaultPlan(text, schema),
      (error: Error) => expected.test(error.message) && !error.message.includes("\n"),
    );
  }
  await assert.rejects(readFaultPlan("/nowhere/plan.json", schema), /nowhere\/plan\.json/);
  assert.deepEqual(await readFaultPlan(undefined, schema), { seed: 0, rules: [] });
  assert.throws(() => parseControlPort("x"), /not a port number/);
});

test("the control port tells, replaces and does at once", async () => {
  const done: Fault[] = [];
  const faults = injector(1, { fault: "busy", on: "send" });
  await using control = await startFaultControl({ injector: faults, schema, now: (fault) => void done.push(fault) });
  faults.befall("send", { hub: "a" });
  const told = (await (await fetch(control.url)).json()) as { seed: number; faults: unknown[]; history: unknown[] };
  assert.deepEqual([told.seed, told.faults.length, told.history.length], [1, 1, 1]);
  const put = await fetch(control.url, { method: "PUT", body: JSON.stringify({ seed: 2, faults: [] }) });
  assert.equal(put.status, 200);
  assert.deepEqual(faults.befall("send", { hub: "a" }), []);
  const delay = { fault: "delay", on: "send", milliseconds: 1 };
  assert.equal((await fetch(control.url, { method: "POST", body: JSON.stringify(delay) })).status, 200);
  assert.deepEqual(done, [delay]);
  const bad = await fetch(control.url, { method: "PUT", body: "{}" });
  assert.equal(bad.status, 400);
  assert.match(await bad.text(), /^faults\.faults: /);
});
