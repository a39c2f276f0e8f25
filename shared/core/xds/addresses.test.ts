import assert from "node:assert/strict";
import { test } from "node:test";
import { cidrRanges, cidrText } from "./addresses.ts";

const texts = (cidrs: readonly string[], family: "IPv4" | "IPv6"): readonly string[] =>
  cidrRanges(cidrs, family).map(cidrText);

test("cidrRanges() clears host bits, so that two ways to write a range are one", () => {
  assert.deepEqual(texts(["10.96.7.1/12", "10.96.0.0/12", "10.0.0.255/32", "255.255.255.255/0"], "IPv4"), [
    "0.0.0.0/0",
    "10.0.0.255/32",
    "10.96.0.0/12",
  ]);
  assert.deepEqual(texts(["fd00::/108", "fd00:0:0:0:0:0:000f:ffff/108", "::/0", "::1/128"], "IPv6"), [
    "0:0:0:0:0:0:0:0/0",
    "0:0:0:0:0:0:0:1/128",
    "fd00:0:0:0:0:0:0:0/108",
  ]);
});

test("cidrRanges() keeps the families apart", () => {
  assert.deepEqual(texts(["10.96.0.0/12", "fd00::/108"], "IPv4"), ["10.96.0.0/12"]);
});

test("cidrRanges() refuses what is no range, in either family's list", () => {
  const bad = ["", "10.96.0.0", "10.96.0/12", "10.96.0.256/12", "10.96.0.0/33", "10.96.0.0/12/1", "10.96.0.0/x"];
  const badIpv6 = ["fd00::/129", "fd00::1::/64", "1:2:3:4:5:6:7/64", "1:2:3:4:5:6:7:8:9/64", "fd00::g/64", ":::/1"];
  for (const cidr of [...bad, ...badIpv6]) assert.throws(() => cidrRanges([cidr], "IPv4"), RangeError, cidr);
});
