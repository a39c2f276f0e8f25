import assert from "node:assert/strict";
import { test } from "node:test";
import { tcpRoutePortsOf, unionOfPorts } from "./apply.ts";
import { tcpRouteSchema } from "./schema.ts";

const key = { group: "specs.smi-spec.io", kind: "TCPRoute", namespace: "shop", name: "db" };

const portsOf = (body: unknown): unknown => {
  const parsed = tcpRouteSchema.safeParse(body);
  return parsed.success ? tcpRoutePortsOf({ ...parsed.data, key }).ports : "unreadable";
};

test("tcpRoutePortsOf() sorts the ports; none means any", () => {
  assert.deepEqual(portsOf({ spec: { matches: { ports: [9, 7, 9] } } }), [7, 9]);
  for (const spec of [
    {},
    { matches: null },
    { matches: {} },
    { matches: { ports: [] } },
    { matches: { ports: null } },
  ]) {
    assert.equal(portsOf({ spec }), "any");
  }
});

test("a TCPRoute with a port that is none, or without a spec, is not read as any port", () => {
  for (const body of [
    {},
    { spec: { matches: { ports: [0] } } },
    { spec: { matches: { ports: ["80"] } } },
    { spec: { matches: [80] } },
  ]) {
    assert.equal(portsOf(body), "unreadable");
  }
});

test("unionOfPorts() of no routes is no port", () => {
  assert.deepEqual(unionOfPorts([]), []);
});
