import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EnvoyType } from "../../shared/core/xds/resource.ts";
import { createManualClock } from "../../test/support/manual-clock.ts";
import { createTasting, type Taster, type Tasting } from "./tasting.ts";

/** Streams a, b, … of one Envoy version, what they were told, and a clock that the test moves. */
function createFixture() {
  const clock = createManualClock(0);
  const tasting = createTasting({ patience: 250, clock });
  const told: string[] = [];
  return {
    clock,
    join: (name: string, envoyVersion = "1.36.2") => join(tasting, { name, envoyVersion, told }),
    take: () => told.splice(0),
  };
}

function join(
  tasting: Tasting,
  { name, envoyVersion, told }: { readonly name: string; readonly envoyVersion: string; readonly told: string[] },
): Taster {
  return tasting.join(envoyVersion, (_, verdicts) => {
    for (const { name: resource, version, verdict, message } of verdicts)
      told.push(`${name}: ${resource}@${version} ${verdict}${message && ` (${message})`}`);
  });
}

const route: EnvoyType = "route";
const v1 = [{ name: "cart", version: "1" }];

describe("tasting of a version that nobody has acknowledged", () => {
  it("is done by the first that asks; the others get it when it is proven, and nobody asks again", () => {
    const fixture = createFixture();
    const [a, b, c] = ["a", "b", "c"].map((name) => fixture.join(name));
    a?.ask(route, v1);
    b?.ask(route, v1);
    assert.deepEqual(fixture.take(), ["a: cart@1 alone"]);
    a?.acknowledged(route, v1);
    assert.deepEqual(fixture.take(), ["b: cart@1 proven"]);
    c?.ask(route, v1);
    assert.deepEqual(fixture.take(), ["c: cart@1 proven"]);
    assert.equal(fixture.clock.waiting(), 0);
  });

  it("passes on when there is no answer in time, or the taster is gone; after three all get it by themselves", () => {
    const fixture = createFixture();
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((name) => fixture.join(name));
    for (const one of [a, b, c, d, e]) one?.ask(route, v1);
    fixture.clock.pass(249);
    assert.deepEqual(fixture.take(), ["a: cart@1 alone"]);
    fixture.clock.pass(1);
    assert.deepEqual(fixture.take(), ["b: cart@1 alone"]);
    b?.[Symbol.dispose]();
    assert.deepEqual(fixture.take(), ["c: cart@1 alone"]);
    fixture.clock.pass(250);
    assert.deepEqual(fixture.take(), ["d: cart@1 alone", "e: cart@1 alone"]);
    assert.equal(fixture.clock.waiting(), 0);
    fixture.join("f").ask(route, v1);
    assert.deepEqual(fixture.take(), ["f: cart@1 alone"]);
  });

  it("keeps what the taster refused from the others, until a proxy takes it after all", () => {
    const fixture = createFixture();
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => fixture.join(name));
    a?.ask(route, v1);
    b?.ask(route, v1);
    fixture.take();
    a?.refused(route, v1, "no such cluster");
    assert.deepEqual(fixture.take(), ["b: cart@1 refused (no such cluster)"]);
    c?.ask(route, v1);
    assert.deepEqual(fixture.take(), ["c: cart@1 refused (no such cluster)"]);
    c?.ask(route, [{ name: "cart", version: "2" }]);
    assert.deepEqual(fixture.take(), ["c: cart@2 alone"]);
    d?.acknowledged(route, v1);
    assert.deepEqual(fixture.take().sort(), ["b: cart@1 proven", "c: cart@1 proven"]);
  });

  it("takes the late answer of a taster that was passed over", () => {
    const fixture = createFixture();
    const [a, b, c] = ["a", "b", "c"].map((name) => fixture.join(name));
    for (const one of [a, b, c]) one?.ask(route, v1);
    fixture.clock.pass(250);
    fixture.take();
    a?.refused(route, v1, "bad");
    assert.deepEqual(fixture.take(), ["c: cart@1 refused (bad)"]);
    b?.acknowledged(route, v1);
    assert.deepEqual(fixture.take(), ["c: cart@1 proven"]);
  });

  it("is not ended by the refusal of a message with several in it, or of what another proxy has taken", () => {
    const fixture = createFixture();
    const [a, b] = ["a", "b"].map((name) => fixture.join(name));
    a?.ask(route, v1);
    b?.refused(route, [...v1, { name: "shop", version: "1" }], "bad");
    a?.acknowledged(route, v1);
    b?.refused(route, v1, "bad");
    fixture.take();
    b?.ask(route, v1);
    assert.deepEqual(fixture.take(), ["b: cart@1 proven"]);
  });

  it("is done for each minor version of Envoy, each type and each name", () => {
    const fixture = createFixture();
    fixture.join("a", "1.36.2").acknowledged(route, v1);
    fixture.join("b", "1.36.7").ask(route, v1);
    fixture.join("c", "1.37.0").ask(route, v1);
    fixture.join("d", "1.36.2").ask("listener", v1);
    fixture.join("e", "1.36.2").ask(route, [{ name: "shop", version: "1" }]);
    assert.deepEqual(fixture.take(), ["b: cart@1 proven", "c: cart@1 alone", "d: cart@1 alone", "e: shop@1 alone"]);
  });

  it("starts anew with the next proxy when all that wanted it are gone", () => {
    const fixture = createFixture();
    const a = fixture.join("a");
    a.ask(route, v1);
    a[Symbol.dispose]();
    assert.equal(fixture.clock.waiting(), 0);
    fixture.take();
    fixture.join("b").ask(route, v1);
    assert.deepEqual(fixture.take(), ["b: cart@1 alone"]);
  });
});
