import assert from "node:assert/strict";
import { test } from "node:test";
import { accountKey } from "../mesh/mesh.ts";
import { workloadNames } from "./names.ts";
import { renewalTime, validityFrom } from "./renewal.ts";

test("workloadNames() are the SPIFFE id and the name that OSM checks", () => {
  assert.deepEqual(workloadNames(accountKey("shop", "cart"), "mesh.local"), {
    spiffeId: "spiffe://mesh.local/ns/shop/sa/cart",
    dnsName: "cart.shop.mesh.local",
  });
});

test("renewalTime() is between two fifths and half of the life", () => {
  const validity = { notBefore: 1000, notAfter: 2000 };
  assert.equal(renewalTime(validity, 0), 1500);
  assert.equal(renewalTime(validity, 1), 1400);
  assert.ok(validityFrom(1_000_000, 60_000).notBefore < 1_000_000);
});
