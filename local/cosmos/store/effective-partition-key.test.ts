import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { effectivePartitionKey } from "./effective-partition-key.ts";
import type { PartitionKeyComponent } from "./partition-key.ts";

describe("effectivePartitionKey()", () => {
  it("gives what the SDK computes", () => {
    const expected: readonly (readonly [PartitionKeyComponent, string])[] = [
      ["", "32E9366E637A71B4E710384B2F4970A0"],
      ["a", "3A5381E1114EB8D3FCC90795045B49B7"],
      ["0123456789abc", "3B20FC7FB45AD69CF85FFEA0EE21BB55"],
      ["0123456789abcd", "0AC96D7B9195A09E9C02A4551CBB39ED"],
      ["0123456789abcdef0123456789abcdef-ü", "232DB2379289E69C9FDA407F45212C5F"],
      [5, "19C08621B135968252FB34B4CF66F811"],
      [-1.5, "151793206780805FF6E1DCAE6C787B6A"],
      [true, "0E711127C5B5A8E4726AC6DD306A3E59"],
      [false, "2FE1BE91E90A3439635E0E9E37361EF2"],
      [null, "378867E4430E67857ACE5C908374FE16"],
      [undefined, "11622DAA78F835834610ABE56EFF5CB5"],
    ];
    for (const [component, hash] of expected) assert.equal(effectivePartitionKey([component]), hash, String(component));
  });

  it("puts the components of a hierarchical key in a row", () => {
    assert.equal(effectivePartitionKey(["a", 5]), effectivePartitionKey(["a"]) + effectivePartitionKey([5]));
  });
});
