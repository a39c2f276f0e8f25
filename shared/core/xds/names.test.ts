import assert from "node:assert/strict";
import { test } from "node:test";
import { accountKey, serviceKey } from "../mesh/mesh.ts";
import {
  accountsSignature,
  allAccounts,
  headlessName,
  noAccounts,
  routeName,
  splitName,
  upstreamName,
} from "./names.ts";

const service = serviceKey("shop", "cart");

test("names read as paths", () => {
  assert.equal(routeName(service, 8080), "shop/cart/8080");
  assert.equal(upstreamName(service, 8080, allAccounts), "shop/cart/8080/all");
  assert.equal(upstreamName(service, 8080, noAccounts), "shop/cart/8080/none");
  assert.equal(splitName(service, 8080, allAccounts), "shop/cart/8080/split/all");
  assert.equal(headlessName(service, 8080, allAccounts), "shop/cart/8080/pod/all");
});

test("accountsSignature() depends on the accounts alone, and never changes", () => {
  const accounts = [accountKey("shop", "cart"), accountKey("shop", "cart-old")];
  assert.equal(accountsSignature(accounts), "rvKgOpzcJVEj");
  assert.notEqual(accountsSignature(accounts), accountsSignature(accounts.slice(0, 1)));
  assert.equal(accountsSignature([]), noAccounts);
});
