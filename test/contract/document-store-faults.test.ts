import assert from "node:assert/strict";
import { it } from "node:test";
import { cosmosFault } from "../../local/cosmos/core/cosmos-fault.ts";
import { coreWith, storeOver } from "../../local/cosmos/core-harness.ts";
import { createFaultInjector } from "../../local/faults/fault-injector.ts";
import { parseFaultPlan } from "../../local/faults/fault-plan.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { documentStoreFaults } from "./document-store-faults.contract.ts";

/** A clock that a pause sets forward; it moves by itself a little, so that histories have times. */
function virtualClock() {
  let now = 1_700_000_000_000;
  return {
    clock: () => {
      now += 1;
      return now;
    },
    pause: async (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

documentStoreFaults(
  "the stand-in's core, virtual time",
  async ({ plan, retryFor = 5_000, requestUnits, partitionBytes }) => {
    const { clock, pause } = virtualClock();
    const core = coreWith({
      clock,
      ...(requestUnits === undefined ? {} : { requestUnits }),
      ...(partitionBytes === undefined ? {} : { partitionBytes }),
      ...(plan === undefined ? {} : { faults: createFaultInjector(plan) }),
    });
    return {
      core,
      client: () => storeOver(core, { limit: retryFor, now: clock, pause }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
);

const everything = JSON.stringify({
  seed: 11,
  faults: [
    { fault: "answer-lost", on: "write", rate: 0.1 },
    { fault: "request-lost", on: "any", rate: 0.05 },
    { fault: "refused", on: "any", status: 429, rate: 0.2, retryAfter: 40 },
    { fault: "stale", on: "read", rate: 0.5, milliseconds: 50 },
    { fault: "restore", on: "write", at: [60], milliseconds: 30 },
  ],
});

/** What a client meets that writes, reads and replaces, 200 times. */
async function historyOf(seed: number): Promise<readonly string[]> {
  const { clock, pause } = virtualClock();
  const plan = { ...parseFaultPlan(everything, cosmosFault), seed };
  const faults = createFaultInjector(plan);
  const core = coreWith({ clock, faults, requestUnits: 400, run: "replay" });
  const [one, other] = [storeOver(core, { now: clock, pause }), storeOver(core, { now: clock, pause })];
  const seen: string[] = [];
  for (let n = 0; n < 200; n += 1) {
    const document = { id: `d${n % 7}`, partition: "p", body: { n } };
    for (const store of [one, other]) {
      try {
        const found = await store.get("clusters", "p", document.id);
        seen.push(`${JSON.stringify(found)} ${clock()}`);
        if (found === undefined) await store.put("clusters", document);
        else await store.batch("clusters", [{ kind: "replace", document, etag: found.etag }]);
      } catch (error) {
        seen.push(`${MeshError.from(error).code} ${clock()}`);
      }
    }
  }
  return [...seen, JSON.stringify(faults.history)];
}

it("the same seed gives the same history, another one another", async () => {
  const first = await historyOf(3);
  assert.deepEqual(await historyOf(3), first);
  assert.notDeepEqual(await historyOf(4), first);
  for (const code of ["unavailable", "precondition-failed"]) {
    assert.ok(
      first.some((line) => line.startsWith(code)),
      `never ${code}`,
    );
  }
});
