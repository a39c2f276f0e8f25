import assert from "node:assert/strict";
import { test } from "node:test";
import { buildInterceptionRules } from "./interception.ts";

const ports = { proxyUid: 1500, inboundPort: 15_003, outboundPort: 15_001 };

test("buildInterceptionRules() without exclusions gives OSM's chains in OSM's order", () => {
  assert.deepEqual(buildInterceptionRules(ports).split("\n"), [
    "*nat",
    ":OSM_PROXY_INBOUND - [0:0]",
    ":OSM_PROXY_IN_REDIRECT - [0:0]",
    ":OSM_PROXY_OUTBOUND - [0:0]",
    ":OSM_PROXY_OUT_REDIRECT - [0:0]",
    "-A OSM_PROXY_IN_REDIRECT -p tcp -j REDIRECT --to-port 15003",
    "-A PREROUTING -p tcp -j OSM_PROXY_INBOUND",
    "-A OSM_PROXY_INBOUND -p tcp --dport 15010 -j RETURN",
    "-A OSM_PROXY_INBOUND -p tcp --dport 15901 -j RETURN",
    "-A OSM_PROXY_INBOUND -p tcp --dport 15902 -j RETURN",
    "-A OSM_PROXY_INBOUND -p tcp --dport 15903 -j RETURN",
    "-A OSM_PROXY_INBOUND -p tcp --dport 15904 -j RETURN",
    "-A OSM_PROXY_INBOUND -p tcp -j OSM_PROXY_IN_REDIRECT",
    "-A OSM_PROXY_OUT_REDIRECT -p tcp -j REDIRECT --to-port 15001",
    "-A OUTPUT -p tcp -j OSM_PROXY_OUTBOUND",
    "-A OSM_PROXY_OUTBOUND -o lo ! -d 127.0.0.1/32 -m owner --uid-owner 1500 -j OSM_PROXY_IN_REDIRECT",
    "-A OSM_PROXY_OUTBOUND -o lo -m owner ! --uid-owner 1500 -j RETURN",
    "-A OSM_PROXY_OUTBOUND -m owner --uid-owner 1500 -j RETURN",
    "-A OSM_PROXY_OUTBOUND -d 127.0.0.1/32 -j RETURN",
    "-A OSM_PROXY_OUTBOUND -j OSM_PROXY_OUT_REDIRECT",
    "COMMIT",
    "",
  ]);
});

test("buildInterceptionRules() leaves alone what is excluded, before it redirects", () => {
  const rules = buildInterceptionRules({
    ...ports,
    exclusions: { interfaces: ["net1"], inboundPorts: [22], outboundPorts: [25, 26], outboundRanges: ["10.1.0.0/16"] },
  }).split("\n");
  const at = (rule: string): number => {
    assert.ok(rules.includes(rule), rule);
    return rules.indexOf(rule);
  };
  const inbound = at("-A OSM_PROXY_INBOUND -p tcp -j OSM_PROXY_IN_REDIRECT");
  assert.ok(at("-A OSM_PROXY_INBOUND -i net1 -j RETURN") < inbound);
  assert.ok(at("-A OSM_PROXY_INBOUND -p tcp --match multiport --dports 22 -j RETURN") < inbound);
  const outbound = at("-A OSM_PROXY_OUTBOUND -j OSM_PROXY_OUT_REDIRECT");
  assert.ok(at("-A OSM_PROXY_OUTBOUND -o net1 -j RETURN") < outbound);
  assert.ok(at("-A OSM_PROXY_OUTBOUND -d 10.1.0.0/16 -j RETURN") < outbound);
  assert.ok(at("-A OSM_PROXY_OUTBOUND -p tcp --match multiport --dports 25,26 -j RETURN") < outbound);
});

test("buildInterceptionRules() with an inclusion list redirects nothing else", () => {
  const rules = buildInterceptionRules({ ...ports, exclusions: { includedOutboundRanges: ["10.1.0.0/16"] } });
  assert.ok(
    rules.includes("-A OSM_PROXY_OUTBOUND -d 10.1.0.0/16 -j OSM_PROXY_OUT_REDIRECT\n-A OSM_PROXY_OUTBOUND -j RETURN\n"),
  );
});

test("buildInterceptionRules() splits more ports than one rule takes", () => {
  const inboundPorts = Array.from({ length: 16 }, (_, index) => index + 1);
  const rules = buildInterceptionRules({ ...ports, exclusions: { inboundPorts } });
  assert.equal(rules.match(/multiport/g)?.length, 2);
});

test("buildInterceptionRules() in PodIP mode sends what Envoy calls on loopback to the pod's address first", () => {
  const rules = buildInterceptionRules({ ...ports, podIp: "10.1.2.3" }).split("\n");
  const rule = "-A OUTPUT -p tcp -o lo -d 127.0.0.1/32 -m owner --uid-owner 1500 -j DNAT --to-destination 10.1.2.3";
  assert.ok(rules.indexOf(rule) >= 0 && rules.indexOf(rule) < rules.indexOf("-A OUTPUT -p tcp -j OSM_PROXY_OUTBOUND"));
});
