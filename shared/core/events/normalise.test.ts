import assert from "node:assert/strict";
import { test } from "node:test";
import { normalise, watchedKinds } from "./normalise.ts";

const metadata = {
  name: "store",
  namespace: "shop",
  uid: "u1",
  resourceVersion: "7",
  creationTimestamp: "2026-01-01T00:00:00Z",
};

function bodyOf(object: unknown): unknown {
  const normalised = normalise(object);
  assert.ok("body" in normalised, JSON.stringify(normalised));
  return JSON.parse(JSON.stringify(normalised.body));
}

function refusalOf(object: unknown): unknown {
  const normalised = normalise(object);
  return "refused" in normalised ? normalised.refused : undefined;
}

const route = (headers: unknown): unknown => ({
  apiVersion: "specs.smi-spec.io/v1alpha4",
  kind: "HTTPRouteGroup",
  metadata: { name: "routes", namespace: "shop" },
  spec: { matches: [{ name: "m", headers }] },
});

test("normalise() keeps of a Service what the mesh reads, with Kubernetes' defaults, sorted", () => {
  const normalised = normalise({
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata, labels: { team: "x" }, managedFields: [{}] },
    spec: {
      clusterIP: "10.0.0.1",
      clusterIPs: ["fd00::1", "10.0.0.1"],
      selector: { app: "store" },
      sessionAffinity: "None",
      ports: [
        { port: 443, targetPort: "tls", protocol: "TCP", nodePort: 30_000, appProtocol: "tcp" },
        { port: 80, name: "http-web" },
      ],
    },
    status: { loadBalancer: {} },
  });
  assert.deepEqual(JSON.parse(JSON.stringify(normalised)), {
    key: { group: "", kind: "Service", namespace: "shop", name: "store" },
    uid: "u1",
    body: {
      creationTimestamp: "2026-01-01T00:00:00Z",
      spec: {
        type: "ClusterIP",
        clusterIPs: ["10.0.0.1", "fd00::1"],
        ports: [
          { port: 80, name: "http-web", targetPort: 80, protocol: "TCP" },
          { port: 443, targetPort: "tls", protocol: "TCP", appProtocol: "tcp" },
        ],
        selector: true,
      },
    },
  });
});

test("normalise() keeps nothing of a ServiceAccount, and of a Namespace the two labels of membership", () => {
  assert.deepEqual(bodyOf({ apiVersion: "v1", kind: "ServiceAccount", metadata, secrets: [{ name: "x" }] }), {});
  const labels = { "openservicemesh.io/monitored-by": "osm", "kubernetes.io/metadata.name": "shop" };
  assert.deepEqual(bodyOf({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels }, status: {} }), {
    labels: { "openservicemesh.io/monitored-by": "osm" },
  });
});

test("normalise() drops status and metadata of a policy, so that an update of those changes nothing", () => {
  const target = {
    apiVersion: "access.smi-spec.io/v1alpha3",
    kind: "TrafficTarget",
    metadata,
    spec: { destination: { kind: "ServiceAccount", name: "store" } },
  };
  const later = { ...target, metadata: { ...metadata, resourceVersion: "8", generation: 3 }, status: { seen: true } };
  assert.deepEqual(normalise(later), normalise(target));
  assert.deepEqual(bodyOf(target), { spec: target.spec, creationTimestamp: metadata.creationTimestamp });
});

test("normalise() makes the three ways to write headers one", () => {
  const list = {
    matches: [
      {
        name: "m",
        headers: [
          { name: "a", value: "1" },
          { name: "host", value: "x.*" },
        ],
      },
    ],
  };
  for (const headers of [[{ host: "x.*" }, { a: "1" }], { host: "x.*", a: "1" }, list.matches[0]?.headers]) {
    assert.deepEqual(bodyOf(route(headers)), { spec: list });
  }
});

test("normalise() leaves headers that are none of these as they are, for the schema to name the fault", () => {
  for (const headers of ["x", [["a", "b"]], [{ a: "1", b: "2" }], [{}]]) {
    assert.deepEqual(bodyOf(route(headers)), { spec: { matches: [{ name: "m", headers }] } });
  }
});

test("normalise() refuses what is not an object of a kind and version that the mesh reads", () => {
  assert.match(String(refusalOf(5)), /not an object/);
  assert.match(String(refusalOf({ apiVersion: "v1", kind: "Service" })), /metadata.name is missing/);
  assert.match(String(refusalOf({ apiVersion: "v1", kind: "Service", metadata: { name: "a/b" } })), /not a name/);
  assert.match(String(refusalOf({ apiVersion: "v1", kind: "Pod", metadata })), /does not read the kind/);
  const old = { apiVersion: "access.smi-spec.io/v1alpha2", kind: "TrafficTarget", metadata, spec: {} };
  assert.match(String(refusalOf(old)), /in version v1alpha3, not v1alpha2/);
  assert.equal(refusalOf({ ...old, apiVersion: "access.smi-spec.io/v1alpha3" }), undefined);
});

test("normalise() refuses an object that client code has changed or nested without end, and says which", () => {
  const typed = { apiVersion: "v1", kind: "Service", metadata: { ...metadata, creationTimestamp: new Date(0) } };
  assert.match(String(refusalOf(typed)), /creationTimestamp is not text/);
  let spec: unknown = 1;
  for (let level = 0; level < 50_000; level += 1) spec = [spec];
  const deep = normalise({ apiVersion: "split.smi-spec.io/v1alpha2", kind: "TrafficSplit", metadata, spec });
  assert.deepEqual(
    ["refused" in deep && deep.refused, deep.key?.name],
    ["spec is not JSON or deeper than 32 levels", "store"],
  );
});

test("normalise() cannot be made to change prototypes", () => {
  const object: unknown = JSON.parse(
    '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"x","labels":{"__proto__":{"openservicemesh.io/monitored-by":"osm"}}}}',
  );
  assert.deepEqual(bodyOf(object), { labels: {} });
});

test("watchedKinds: every kind has one entry, and normalise() reads all of its versions", () => {
  assert.equal(new Set(watchedKinds.map(({ group, kind }) => `${group}/${kind}`)).size, watchedKinds.length);
  for (const { group, kind, version, olderVersions } of watchedKinds) {
    for (const each of [version, ...olderVersions]) {
      const apiVersion = group === "" ? each : `${group}/${each}`;
      assert.equal(refusalOf({ apiVersion, kind, metadata, spec: {} }), undefined);
    }
  }
});
