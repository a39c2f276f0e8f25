import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { SeenLease } from "./lease-watch.ts";
import { replicaLeaseName } from "./names.ts";
import { newestSeen, seenNote } from "./seen-cloud.ts";

function lease(replica: string, seen: object | string, alive = true): SeenLease {
  const text = typeof seen === "string" ? seen : JSON.stringify(seen);
  return {
    name: replicaLeaseName(replica),
    holder: replica,
    annotations: { "weft.dev/seen": text },
    alive,
    age: 0,
  };
}

const own = { incarnation: "first", version: 2, policyVersion: 5 };

test("newestSeen() takes the highest version that a living replica has seen of the same incarnation", () => {
  const leases = [
    lease("a", { incarnation: "first", version: 3, policyVersion: 4 }),
    lease("b", { incarnation: "first", version: 9, policyVersion: 9 }, false),
    lease("c", { incarnation: "other", version: 7, policyVersion: 7 }),
  ];
  assert.deepEqual(newestSeen(own, leases), { incarnation: "first", version: 3, policyVersion: 5 });
  assert.deepEqual(newestSeen(own, []), own);
});

test("newestSeen() believes the others when this replica has seen nothing", () => {
  const seen = { incarnation: "first", version: 3, policyVersion: 4 };
  assert.deepEqual(newestSeen(undefined, [lease("a", seen)]), seen);
  assert.equal(newestSeen(undefined, []), undefined);
});

test("newestSeen() passes over what no gateway writes, and Leases that are no replica's", () => {
  const nonsense = [lease("a", "{"), lease("b", { version: -1 }), lease("c", "null")];
  const publisher = { ...lease("d", { ...own, version: 8 }), name: "weft-publisher" };
  assert.deepEqual(newestSeen(own, [...nonsense, publisher]), own);
});

test("what one replica notes is what another reads", () => {
  const current = { incarnation: "first", version: 4, served: { policyVersion: 6 } } as ServedSnapshot;
  const note = seenNote(current)["weft.dev/seen"];
  assert.deepEqual(newestSeen(own, [lease("a", note ?? "")]), { incarnation: "first", version: 4, policyVersion: 6 });
  assert.deepEqual(seenNote(undefined), {});
});
