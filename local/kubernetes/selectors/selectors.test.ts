import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseFieldSelector } from "./field-selector.ts";
import { parseLabelSelector } from "./label-selector.ts";

describe("parseLabelSelector()", () => {
  const holds = (selector: string, labels: Record<string, string>): boolean => parseLabelSelector(selector)(labels);

  it("knows every form of a requirement", () => {
    const labels = { app: "cart", "example.com/tier": "back", size: "3" };
    const cases: readonly (readonly [string, boolean])[] = [
      ["", true],
      ["app=cart", true],
      ["app==cart", true],
      ["app!=cart", false],
      ["none!=cart", true],
      ["app in (cart, shop)", true],
      ["app notin (cart)", false],
      ["none notin (cart)", true],
      ["example.com/tier", true],
      ["!example.com/tier", false],
      ["size>2,size<4", true],
      ["app=cart,example.com/tier in (front,back),!gone", true],
      ["app=cart,gone", false],
      ["app=", false],
    ];
    for (const [selector, expected] of cases) assert.equal(holds(selector, labels), expected, selector);
  });

  it("refuses what it cannot read", () => {
    assert.throws(() => parseLabelSelector("app in cart"), /is not a label selector/);
  });
});

describe("parseFieldSelector()", () => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", namespace: "b", uid: "", resourceVersion: "", creationTimestamp: "" },
    status: { phase: "Running" },
  };

  it("compares fields, a missing one as empty text", () => {
    const holds = (text: string): boolean => parseFieldSelector(text, ["status.phase", "spec.nodeName"])(pod);
    assert.deepEqual(
      ["metadata.name=a,metadata.namespace==b", "status.phase!=Running", "spec.nodeName=", "spec.nodeName!=n"].map(
        holds,
      ),
      [true, false, true, true],
    );
    assert.throws(() => holds("spec.none=1"), /field label not supported: spec.none/);
    assert.throws(() => holds("nonsense"), /invalid field selector/);
  });
});
