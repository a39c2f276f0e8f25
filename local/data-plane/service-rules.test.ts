import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint, EndpointSlice, Service } from "./kubernetes-objects.ts";
import { buildServiceRules } from "./service-rules.ts";

const service: Service = {
  metadata: { name: "web", namespace: "shop", uid: "1" },
  spec: { clusterIP: "10.128.0.9", ports: [{ name: "http", port: 80 }] },
};
const slice = (...endpoints: Endpoint[]): EndpointSlice => ({
  metadata: { name: "web-1", namespace: "shop", uid: "2", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv4",
  endpoints,
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
});
const rules = (services: Service[], slices: EndpointSlice[]): string =>
  buildServiceRules({
    services,
    slices,
    serviceCidr: "10.128.0.0/16",
    dns: { address: "172.29.0.2", target: "172.29.0.1:5353" },
  });
const targets = (text: string): string[] =>
  [...text.matchAll(/--to-destination (\S+)/g)]
    .flatMap((match) => match[1] ?? [])
    .filter((at) => !at.endsWith(":5353"));

test("buildServiceRules() gives each of n ready endpoints the same chance", () => {
  const ready = { ready: true };
  const text = rules(
    [service],
    [slice(...["10.160.0.4", "10.160.0.2", "10.160.0.3"].map((a) => ({ addresses: [a], conditions: ready })))],
  );
  assert.deepEqual(targets(text), ["10.160.0.2:8080", "10.160.0.3:8080", "10.160.0.4:8080"]);
  assert.deepEqual(text.match(/--probability [\d.]+/g), ["--probability 0.3333333333", "--probability 0.5000000000"]);
});

test("buildServiceRules() leaves unready endpoints out, and uses terminating ones only when no other is left", () => {
  const unready: Endpoint = { addresses: ["10.160.0.2"], conditions: { ready: false, serving: false } };
  const leaving: Endpoint = {
    addresses: ["10.160.0.3"],
    conditions: { ready: false, serving: true, terminating: true },
  };
  const ready: Endpoint = { addresses: ["10.160.0.4"], conditions: { ready: true } };
  assert.deepEqual(targets(rules([service], [slice(unready, leaving, ready)])), ["10.160.0.4:8080"]);
  assert.deepEqual(targets(rules([service], [slice(unready, leaving)])), ["10.160.0.3:8080"]);
  assert.deepEqual(targets(rules([service], [slice(unready)])), []);
});

test("buildServiceRules() keeps the source address except for a pod that reaches itself", () => {
  const text = rules([service], [slice({ addresses: ["10.160.0.2"] }, { addresses: ["10.160.0.3"] })]);
  for (const address of ["10.160.0.2", "10.160.0.3"]) {
    const chain = new RegExp(`-A (WEFT_SEP_\\w+) -p tcp -j DNAT --to-destination ${address}:8080`).exec(text)?.[1];
    assert.ok(text.includes(`-A ${chain} -s ${address}/32 -j MARK --set-xmark 0x4000/0x4000`));
  }
  assert.equal(text.match(/MASQUERADE/g)?.length, 1);
});

test("buildServiceRules() has no rule for headless and external Services, and the same text for any order", () => {
  const headless: Service = { ...service, spec: { ...service.spec, clusterIP: "None" } };
  const external: Service = { ...service, spec: { type: "ExternalName", externalName: "example.com" } };
  const one = slice({ addresses: ["10.160.0.2"] });
  assert.deepEqual(targets(rules([headless, external], [one])), []);
  const other: Service = {
    metadata: { name: "other", namespace: "shop", uid: "3" },
    spec: { ...service.spec, clusterIP: "10.128.0.8" },
  };
  const theirs = {
    ...one,
    metadata: { ...one.metadata, name: "o", labels: { "kubernetes.io/service-name": "other" } },
  };
  assert.equal(rules([service, other], [one, theirs]), rules([other, service], [theirs, one]));
});
