import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createThroughput } from "./throughput.ts";

describe("createThroughput()", () => {
  it("lets pass while something is left, and then makes those who come later pay", () => {
    const throughput = createThroughput(100);
    assert.equal(throughput.wait(0), undefined);
    throughput.spend(99, 0);
    assert.equal(throughput.wait(0), undefined);
    throughput.spend(51, 0);
    assert.equal(throughput.wait(0), 500);
    assert.equal(throughput.wait(250), 250);
    assert.equal(throughput.wait(501), undefined);
  });

  it("saves up one second, not more", () => {
    const throughput = createThroughput(100);
    throughput.spend(0, 0);
    throughput.spend(150, 60_000);
    assert.equal(throughput.wait(60_000), 500);
  });

  it("loses nothing when the clock goes back", () => {
    const throughput = createThroughput(100);
    throughput.spend(200, 10_000);
    assert.equal(throughput.wait(5_000), 1_000);
    assert.equal(throughput.wait(5_500), 500);
  });

  it("never says no without a limit", () => {
    const throughput = createThroughput(Number.POSITIVE_INFINITY);
    throughput.spend(1e9, 0);
    assert.equal(throughput.wait(0), undefined);
  });
});
