import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "./client.ts";
import { isClassedAlike, reducePod, toPod } from "./pods.ts";

const pod: KubernetesObject = {
  metadata: {
    name: "p0",
    namespace: "shop",
    uid: "uid-p0",
    resourceVersion: "7",
    labels: { app: "s0", "osm-proxy-uuid": "1" },
    annotations: { "prometheus.io/scrape": "true", "kubectl.kubernetes.io/last-applied-configuration": "{…}" },
    managedFields: [{ manager: "kubelet", time: "2026-01-01T00:00:00Z" }],
  },
  spec: {
    serviceAccountName: "s0",
    nodeName: "node-1",
    containers: [{ name: "app", image: "app", ports: [{ name: "http", containerPort: 8080 }] }],
    volumes: [{ name: "token" }],
  },
  status: { phase: "Running", podIPs: [{ ip: "10.0.0.1" }], conditions: [{ type: "Ready", status: "True" }] },
};

test("reducePod() keeps what toPod() reads, and the version", () => {
  const reduced = reducePod(pod);
  assert.deepEqual(toPod(reduced), toPod(pod));
  assert.equal(isClassedAlike(toPod(reduced), toPod(pod)), true);
  assert.equal(reduced.metadata.resourceVersion, "7");
});

test("reducePod() drops what is large and not read", () => {
  const text = JSON.stringify(reducePod(pod));
  for (const dropped of ["last-applied", "kubelet", "image", "volumes", "conditions"])
    assert.equal(text.includes(dropped), false, dropped);
});
