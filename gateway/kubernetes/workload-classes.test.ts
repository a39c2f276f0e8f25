import assert from "node:assert/strict";
import { test } from "node:test";
import type { V1Pod, V1Service } from "@kubernetes/client-node";
import { pod, service } from "../../test/support/build.ts";
import { workloadClassOf } from "./workload-classes.ts";

const web = service("shop/web", {
  ports: [{ port: 80, targetPort: "http" }, { port: 53, protocol: "UDP" }, 9090],
  selector: { app: "store" },
});

test("workloadClassOf() lists the TCP ports of the Services that select the pod, with target ports resolved on it", () => {
  const one = workloadClassOf(pod("shop/store", { ports: { http: 8080 }, account: "keeper" }), [
    web,
    service("shop/other", { ports: [80], selector: { app: "other" } }),
    service("shop/open", { ports: [80], selector: {} }),
    service("bank/web", { ports: [80], selector: { app: "store" } }),
    service("shop/alias", { ports: [80], selector: { app: "store" }, type: "ExternalName" }),
  ]);
  assert.deepEqual(one?.body["spec"], {
    serviceAccount: "keeper",
    backs: [
      { service: "web", port: 80, targetPort: 8080 },
      { service: "web", port: 9090, targetPort: 9090 },
    ],
    ipFamilies: ["IPv4"],
    envoyVersion: "1.40",
    settings: {},
  });
  assert.deepEqual(
    [one?.key.group, one?.key.kind, one?.key.namespace, one?.uid],
    ["weft.dev", "WorkloadClass", "shop", one?.key.name],
  );
});

const portsOf = (ports: Readonly<Record<string, number>>): unknown =>
  workloadClassOf(pod("shop/store", { ports }), [web])?.body["spec"];

test("workloadClassOf() resolves a named port on each pod by itself, and leaves out one that the pod does not have", () => {
  assert.notDeepEqual(portsOf({ http: 8080 }), portsOf({ http: 8081 }));
  assert.deepEqual(
    (portsOf({}) as { readonly backs: readonly { readonly port: number }[] }).backs.map(({ port }) => port),
    [9090],
  );
});

const nameOf = (...shape: Parameters<typeof pod>): string | undefined =>
  workloadClassOf(pod(...shape), [web])?.key.name;

test("workloadClassOf() gives pods one class exactly when their config is the same", () => {
  const labels = { app: "store" };
  const same = nameOf("shop/store-1", { labels, account: "keeper" });
  assert.equal(
    nameOf("shop/store-2", { labels: { ...labels, "pod-template-hash": "1" }, account: "keeper", ips: ["10.244.9.9"] }),
    same,
  );
  const others = [
    nameOf("shop/store-1", { labels, account: "other" }),
    nameOf("bank/store-1", { labels: {}, account: "keeper" }),
    nameOf("shop/store-1", { labels, account: "keeper", ips: ["10.244.0.5", "fd00::5"] }),
    nameOf("shop/store-1", { labels, account: "keeper", annotations: { "weft.dev/envoy-version": "1.41" } }),
    nameOf("shop/store-1", { labels, account: "keeper", annotations: { "prometheus.io/scrape": "true" } }),
    nameOf("shop/store-1", { labels: {}, account: "keeper" }),
  ];
  assert.equal(new Set([same, ...others]).size, 7);
});

test("workloadClassOf() gives no class to a pod that gets no config", () => {
  for (const shape of [{ meshed: false }, { hostNetwork: true }, { ips: [] }, { phase: "Succeeded" }]) {
    assert.equal(workloadClassOf(pod("shop/store", shape), [web]), undefined);
  }
  const marked = pod("shop/store", { meshed: false, labels: { "weft.dev/proxy-uuid": "8f9ab3b2" } });
  assert.notEqual(workloadClassOf(marked, [web]), undefined);
});

test("workloadClassOf() takes the client library's own types", () => {
  const typedPod: V1Pod = {
    metadata: { namespace: "shop", labels: { "osm-proxy-uuid": "1" } },
    status: { podIPs: [{ ip: "10.0.0.1" }] },
  };
  const typedService: V1Service = { metadata: { namespace: "shop", name: "web" }, spec: { ports: [{ port: 80 }] } };
  assert.equal(workloadClassOf(typedPod, [typedService])?.key.namespace, "shop");
});
