import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContentHash } from "../../shared/core/brand.ts";
import type { Pin } from "../../shared/store/documents.ts";
import { heldChanges } from "./held-changes.ts";

const where = { cluster: "east", namespace: "weft-system" };
const hold: Pin = { kind: "hold", who: "weft", when: "2026-05-01T12:00:00.000Z", why: "a list lacks 4 of 5 Service" };
const kinds = [{ kind: "/Service", missing: 4, of: 5 }];

test("what a guard holds is a problem on the gateway's namespace, with what is held and the command that releases it", () => {
  const [problem, ...others] = heldChanges({ ...hold, missing: { of: "s1" as ContentHash, kinds } }, where);
  assert.deepEqual(others, []);
  assert.deepEqual(problem?.object, { group: "", kind: "Namespace", namespace: "", name: "weft-system" });
  assert.equal(problem?.code, "mass-withdrawal-held");
  assert.equal(
    problem?.message,
    `Held since 2026-05-01T12:00:00.000Z: a list lacks 4 of 5 Service. Release: curl -d '{"kind":"hold","who":"you","why":"agreed"}' $WEFT/api/clusters/east/release`,
  );
});

test("inputs that went back have a code of their own, unless more is held", () => {
  const codes = (pin: Pin): readonly string[] => heldChanges(pin, where).map(({ code }) => code);
  assert.deepEqual(codes({ ...hold, lower: true }), ["older-inputs-held"]);
  assert.deepEqual(codes({ ...hold, lower: true, lost: kinds }), ["mass-withdrawal-held"]);
});

test("a person's pin is no problem, and neither is none", () => {
  assert.deepEqual(heldChanges({ ...hold, kind: "freeze", who: "ada" }, where), []);
  assert.deepEqual(heldChanges(undefined, where), []);
});
