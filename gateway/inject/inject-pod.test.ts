import assert from "node:assert/strict";
import { test } from "node:test";
import { readExclusions, shouldInject } from "./inject-pod.ts";

const ANNOTATION = "openservicemesh.io/sidecar-injection";
const namespace = (value?: string, labels: Record<string, string> = {}) => ({
  metadata: {
    name: "shop",
    labels: { "openservicemesh.io/monitored-by": "osm", ...labels },
    ...(value === undefined ? {} : { annotations: { [ANNOTATION]: value } }),
  },
});
const pod = (value?: string) => ({ metadata: value === undefined ? {} : { annotations: { [ANNOTATION]: value } } });

const rows: readonly [string, Parameters<typeof shouldInject>, "inject" | "skip" | "refuse"][] = [
  ["nobody says anything", [namespace(), pod()], "skip"],
  ["the namespace says yes", [namespace("enabled"), pod()], "inject"],
  ["the pod says yes, the namespace nothing", [namespace(), pod("yes")], "inject"],
  ["the pod overrides its namespace", [namespace("enabled"), pod("no")], "skip"],
  ["case does not matter", [namespace("True"), pod()], "inject"],
  ["the namespace is not in the mesh", [{ metadata: { name: "shop" } }, pod("yes")], "skip"],
  ["the namespace is in another mesh", [namespace("yes"), pod("yes"), { meshName: "other" }], "skip"],
  ["the namespace is to be ignored", [namespace("yes", { "openservicemesh.io/ignore": "true" }), pod()], "skip"],
  ["the namespace holds the control plane", [namespace("yes"), pod(), { controlPlaneNamespace: "shop" }], "skip"],
  ["host network", [namespace("yes"), { ...pod("yes"), spec: { hostNetwork: true } }], "skip"],
  ["a word that is none of the six", [namespace("yes"), pod("maybe")], "refuse"],
  ["such a word on the namespace", [namespace("maybe"), pod()], "refuse"],
];

for (const [name, args, expected] of rows) {
  test(`shouldInject(): ${name}: ${expected}`, () => {
    assert.equal(shouldInject(...args).kind, expected);
  });
}

test("shouldInject() names annotation, place and value in a refusal", () => {
  const decision = shouldInject(namespace("yes"), pod("maybe"));
  assert.equal(
    decision.kind === "refuse" && decision.message,
    `${ANNOTATION} on the pod is "maybe"; use enabled or disabled`,
  );
});

test("readExclusions() reads lists of ports and ranges", () => {
  const annotations = {
    "openservicemesh.io/outbound-port-exclusion-list": "6379, 7070",
    "openservicemesh.io/inbound-port-exclusion-list": "",
    "openservicemesh.io/outbound-ip-range-exclusion-list": "10.0.0.0/8",
  };
  assert.deepEqual(readExclusions({ metadata: { annotations } }), {
    ok: true,
    exclusions: {
      outboundPorts: [6379, 7070],
      inboundPorts: [],
      outboundRanges: ["10.0.0.0/8"],
      includedOutboundRanges: [],
    },
  });
});

for (const [suffix, value] of [
  ["outbound-port-exclusion-list", "0"],
  ["inbound-port-exclusion-list", "80,65536"],
  ["inbound-port-exclusion-list", "http"],
  ["outbound-ip-range-exclusion-list", "10.0.0.0"],
  ["outbound-ip-range-inclusion-list", "10.0.0.256/8"],
  ["outbound-ip-range-inclusion-list", "10.0.0.0/33; -j ACCEPT"],
]) {
  test(`readExclusions() refuses ${suffix}: ${value}`, () => {
    const read = readExclusions({ metadata: { annotations: { [`openservicemesh.io/${suffix}`]: value ?? "" } } });
    assert.ok(!read.ok && read.message.startsWith(`openservicemesh.io/${suffix}: "`));
  });
}
