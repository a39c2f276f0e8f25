import assert from "node:assert/strict";
import { test } from "node:test";
import { bearerToken, normaliseAddress } from "./proxy-address.ts";

test("normaliseAddress() is the IP alone, IPv4 as IPv4", () => {
  assert.equal(normaliseAddress("10.1.0.2"), "10.1.0.2");
  assert.equal(normaliseAddress("fd00::A:1"), "fd00::a:1");
  assert.equal(normaliseAddress("[fe80::1%eth0]"), "fe80::1");
  assert.equal(normaliseAddress("::FFFF:10.1.0.2"), "10.1.0.2");
});

test("bearerToken() reads the one scheme", () => {
  assert.equal(bearerToken("Bearer abc"), "abc");
  assert.equal(bearerToken("bearer abc "), "abc");
  assert.equal(bearerToken("Basic abc"), undefined);
  assert.equal(bearerToken("Bearer "), undefined);
  assert.equal(bearerToken(undefined), undefined);
});
