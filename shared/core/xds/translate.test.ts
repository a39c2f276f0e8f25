import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMessage } from "../../../local/proxies/messages.ts";
import {
  backend,
  exampleMeshes,
  grant,
  mesh,
  rule,
  service,
  settings,
  workload,
} from "../../../test/support/envoy-ads/meshes.ts";
import type { Mesh, WorkloadClass } from "../mesh/mesh.ts";
import { type EnvoyType, type Resource, resourceId, typeUrls } from "./resource.ts";
import { createTranslator, translate } from "./translate.ts";

const views = Object.entries(exampleMeshes).flatMap(([name, example]) =>
  example.workloads.map((one) => ({ name: `${name}, ${one.key}`, example, one })),
);

/** `type name` of what differs between two views. */
function difference(before: Mesh, after: Mesh, one: WorkloadClass): readonly string[] {
  const bodies = (view: readonly Resource[]): Map<string, string> =>
    new Map(view.map((resource) => [`${resource.type} ${resource.name}`, Buffer.from(resource.body).toString("hex")]));
  const old = bodies(translate(before, one));
  const now = bodies(translate(after, one));
  return [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key)).sort();
}

function names(view: readonly Resource[], type: Resource["type"]): readonly string[] {
  return view.filter((resource) => resource.type === type).map(({ name }) => name);
}

function json(view: readonly Resource[], type: Resource["type"], name: string): unknown {
  const resource = view.find((one) => one.type === type && one.name === name);
  assert.ok(resource !== undefined, `${type} ${name} is missing`);
  const url = typeUrls[type as EnvoyType] as string | undefined;
  return url === undefined ? JSON.parse(Buffer.from(resource.body).toString()) : decodeMessage(url, resource.body);
}

const open = { http: { ports: "any", requests: "any" }, tcp: { ports: "any" } } as const;

test("every view is closed, sorted and without repeats, and can be decoded", () => {
  for (const { name, example, one } of views) {
    const view = translate(example, one);
    const present = new Set(view.map((resource) => `${resource.type} ${resource.name}`));
    assert.equal(present.size, view.length, name);
    for (const resource of view) {
      for (const reference of resource.references)
        assert.ok(present.has(`${reference.type} ${reference.name}`), `${name}: ${reference.type} ${reference.name}`);
      if (resource.type in typeUrls) decodeMessage(typeUrls[resource.type as EnvoyType], resource.body);
    }
    const ids = view.map(({ type, name: own, variant }) => [type, own, variant].join("\0"));
    assert.deepEqual(ids, ids.toSorted());
  }
});

test("one translator for all classes and one for each give the same bytes, and an id one object", () => {
  for (const example of Object.values(exampleMeshes)) {
    const shared = createTranslator(example);
    const seen = new Map<string, Resource>();
    for (const one of example.workloads.toReversed()) {
      const view = shared(one);
      assert.deepEqual(view, translate(structuredClone(example), one));
      for (const resource of view) {
        const id = resourceId(resource);
        assert.equal(seen.get(id) ?? resource, resource, id);
        seen.set(id, resource);
      }
    }
  }
});

test("in permissive mode classes differ only in what they serve", () => {
  const example = exampleMeshes["permissive: HTTP, gRPC, TCP, server-first, headless, two families"];
  assert.ok(example !== undefined);
  const shared = createTranslator(example);
  const [first, ...others] = example.workloads
    .filter(({ ipFamilies }) => ipFamilies.join() === "IPv4")
    .map((one) => shared(one).filter(({ variant }) => variant !== one.key));
  for (const other of others) assert.deepEqual(other, first);
});

test("a class dials the ports that have a backend it may reach, and no others", () => {
  const example = mesh({
    services: [
      service("cart", "10.96.0.1", { 80: {} }),
      service("mail", "10.96.0.2", { 80: {} }),
      service("root", "10.96.0.3", { 80: { rules: [rule([backend("cart", 80, 0), backend("mail", 80, 5)])] } }),
      service("pods", [], { 80: { accounts: ["cart", "mail"] } }),
      service("secrets", [], { 80: { accounts: ["mail"] } }),
    ],
    grants: [grant("t", ["web"], { to: "cart", ...open })],
  });
  const view = translate(example, workload("web"));
  assert.deepEqual(names(view, "listener"), [
    "inbound",
    "outbound",
    "shop/cart/80/10.96.0.1",
    "shop/root/80/10.96.0.3",
  ]);
  assert.deepEqual(names(view, "headless-set"), ["shop/pods/80"]);
  assert.deepEqual(names(translate(example, workload("cart")), "listener"), ["inbound", "outbound"]);
});

test("the endpoints and the names of a cluster are the accounts that the class may reach", () => {
  const example = mesh({
    services: [service("cart", "10.96.0.1", { 80: { accounts: ["new", "old"] } })],
    grants: [grant("t", ["web"], { to: "old", ...open })],
  });
  const view = translate(example, workload("web"));
  const [cluster = ""] = names(view, "endpoint-set");
  assert.deepEqual(json(view, "endpoint-set", cluster), {
    groups: [{ service: "shop/cart", port: 80, accounts: ["shop/old"], label: "mesh", sinkhole: false }],
  });
  assert.deepEqual(json(view, "trust-set", cluster), {
    names: [
      { kind: "dns", name: "old.shop.cluster.local" },
      { kind: "uri", name: "spiffe://cluster.local/ns/shop/sa/old" },
    ],
  });
  assert.deepEqual(json(view, "trust-set", "trust-none"), { names: [] });
});

test("a weight changes the route of an HTTP port, and the endpoints alone of a TCP port", () => {
  const split = (protocol: "http" | "tcp", weights: readonly [number, number]): Mesh =>
    mesh({
      services: [
        service("a", "10.96.0.1", { 80: { protocol } }),
        service("b", "10.96.0.2", { 80: { protocol } }),
        service("root", "10.96.0.3", {
          80: { protocol, rules: [rule([backend("a", 80, weights[0]), backend("b", 80, weights[1])])] },
        }),
      ],
      settings: settings({ mode: "permissive" }),
    });
  const one = workload("web");
  assert.deepEqual(difference(split("http", [1, 9]), split("http", [0, 5]), one), ["route shop/root/80"]);
  assert.deepEqual(difference(split("tcp", [1, 9]), split("tcp", [0, 5]), one), [
    "endpoint-set shop/root/80/split/all",
  ]);
  assert.deepEqual(difference(split("tcp", [1, 9]), split("tcp", [0, 0]), one), [
    "endpoint-set shop/root/80/split/all",
  ]);
  assert.deepEqual(json(translate(split("tcp", [0, 0]), one), "endpoint-set", "shop/root/80/split/all"), {
    groups: [],
  });
});

test("a new account behind a port is news for the fast lane only, while everyone may reach everything", () => {
  const behind = (accounts: readonly string[]): Mesh =>
    mesh({
      services: [service("cart", "10.96.0.1", { 80: { accounts } })],
      settings: settings({ mode: "permissive" }),
    });
  assert.deepEqual(difference(behind(["old"]), behind(["new", "old"]), workload("web")), [
    "endpoint-set shop/cart/80/all",
    "trust-set shop/cart/80/all",
  ]);
});

test("a grant or a change of mode touches the server's policies and none of its listeners", () => {
  const inbound = { 80: "http", 81: "tcp", 82: "tcp-server-first" } as const;
  const given = (grants: Mesh["grants"], mode: "enforced" | "permissive"): Mesh =>
    mesh({ grants, settings: settings({ mode }) });
  const grants = [grant("t", ["web"], { to: "cart", ...open })];
  const policies = ["extension authz-80", "extension authz-tcp-81", "trust-set trust-82"];
  const one = workload("cart", inbound);
  assert.deepEqual(difference(given([], "enforced"), given(grants, "enforced"), one), policies);
  assert.deepEqual(difference(given(grants, "enforced"), given(grants, "permissive"), one), policies);
  assert.deepEqual(difference(given(grants, "permissive"), given([], "permissive"), one), []);
});

test("nobody granted means an impossible name, never an empty list that would mean anyone", () => {
  const view = translate(mesh(), workload("database", { 3306: "tcp-server-first" }));
  assert.deepEqual(json(view, "trust-set", "trust-3306"), { names: [] });
});

test("the outbound listener depends on settings alone", () => {
  const full = exampleMeshes["enforced: grants of all kinds"];
  assert.ok(full !== undefined);
  const outbound = (view: readonly Resource[]): readonly Resource[] => view.filter(({ name }) => name === "outbound");
  const [, web] = full.workloads;
  assert.ok(web !== undefined);
  assert.deepEqual(outbound(translate(full, web)), outbound(translate(mesh(), workload("lonely"))));
});

test("the range of TLS versions stands on both sides, and its upper end is never left to Envoy", () => {
  const range = (maximum: "TLS_AUTO" | "TLSv1_2"): readonly string[] => {
    const tls = { minimum: "TLSv1_2", maximum, cipherSuites: ["ECDHE-ECDSA-AES128-GCM-SHA256"], ecdhCurves: ["P-256"] };
    const example = mesh({
      settings: settings({ mode: "permissive", tls: tls as Mesh["settings"]["tls"] }),
      services: [service("cart", "10.96.0.1", { 80: {} })],
    });
    const view = translate(example, workload("cart", { 80: "http" }));
    const text = JSON.stringify([json(view, "cluster", "shop/cart/80/all"), json(view, "listener", "inbound")]);
    return [...new Set([...text.matchAll(/"tlsParams":({.*?})/g)].map(([, parameters = ""]) => parameters))];
  };
  const rest = '"cipherSuites":["ECDHE-ECDSA-AES128-GCM-SHA256"],"ecdhCurves":["P-256"]}';
  for (const [maximum, said] of [
    ["TLS_AUTO", "TLSv1_3"],
    ["TLSv1_2", "TLSv1_2"],
  ] as const) {
    assert.deepEqual(range(maximum), [
      `{"tlsMinimumProtocolVersion":"TLSv1_2","tlsMaximumProtocolVersion":"${said}",${rest}`,
    ]);
  }
});

test("causes are the objects that made a resource what it is", () => {
  const route = rule([backend("a", 80, 1), backend("b", 80, 1)]);
  const cause = { group: "split", kind: "TrafficSplit", namespace: "shop", name: "canary" };
  const example = mesh({
    services: [
      service("a", "10.96.0.1", { 80: {} }),
      service("b", "10.96.0.2", { 80: {} }),
      service("root", "10.96.0.3", { 80: { rules: [{ ...route, causes: [cause] }] } }),
    ],
    grants: [grant("t", ["web"], { to: "a", ...open })],
  });
  const causes = (view: readonly Resource[], name: string): readonly string[] =>
    view
      .filter((resource) => resource.name === name)
      .flatMap((resource) => resource.causes.map((key) => `${key.kind} ${key.name}`));
  const client = translate(example, workload("web"));
  assert.deepEqual(causes(client, "shop/root/80"), [
    "Service a",
    "Service b",
    "Service root",
    "TrafficSplit canary",
    "TrafficTarget t",
  ]);
  assert.deepEqual(causes(client, "shop/a/80/10.96.0.1"), ["Service a"]);
  assert.deepEqual(causes(translate(example, workload("a", { 80: "http" })), "authz-80"), ["TrafficTarget t"]);
});

test("the objects behind a setting are causes of exactly the resources that depend on it", () => {
  const cause = (kind: string) => [{ group: "test", kind, namespace: "", name: kind }];
  const causes = { mode: cause("Mode"), egress: cause("Egress"), tls: cause("Tls"), cidrs: cause("Cidrs") };
  const example = mesh({
    services: [service("a", "10.96.0.1", { 80: {} })],
    settings: settings({ mode: "permissive", egress: true, causes }),
  });
  const found = new Map<string, string[]>();
  for (const { type, name, causes } of translate(example, workload("a", { 80: "http" }))) {
    for (const { kind } of causes) found.set(kind, [...(found.get(kind) ?? []), `${type} ${name}`]);
  }
  assert.deepEqual(found.get("Mode"), ["extension authz-80"]);
  assert.deepEqual(found.get("Egress"), ["cluster passthrough", "listener outbound"]);
  assert.deepEqual(found.get("Tls"), ["cluster shop/a/80/all", "listener inbound"]);
  assert.deepEqual(found.get("Cidrs"), ["listener outbound"]);
});
