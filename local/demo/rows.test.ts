import assert from "node:assert/strict";
import { test } from "node:test";
import { accountKey, type Mesh, serviceKey } from "../../shared/core/mesh/mesh.ts";
import { givenObjects, type KubernetesObject } from "../../test/support/build.ts";
import { allowed } from "../../test/support/oracle.ts";
import { type Manifest, type ManifestObject, readManifest } from "../scenarios/bookstore/manifests.ts";
import { type AppName, columns } from "./columns.ts";
import type { Expectation } from "./expectation.ts";
import { deployed, rows } from "./rows.ts";

const port = 14_001;
const v1 = accountKey("bookstore", "bookstore-v1");
const v2 = accountKey("bookstore", "bookstore-v2");
const warehouse = accountKey("bookwarehouse", "bookwarehouse");
const mysql = accountKey("bookwarehouse", "mysql");
const clientHeaders = { "user-agent": "Go-http-client/1.1", "client-app": "bookbuyer" };
const requests = [
  { method: "GET", path: "/books-bought", headers: clientHeaders },
  { method: "GET", path: "/buy-a-book/new", headers: clientHeaders },
];

/** Objects by kind and name; a later one takes the place of an earlier one, as applied. */
type Cluster = Map<string, ManifestObject>;

function apply(cluster: Cluster, manifests: readonly Manifest[]): void {
  for (const object of manifests.flatMap(readManifest)) {
    cluster.set(`${object.kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`, object);
  }
}

/** What the API server, kubelet and injection add to the files. */
function asInCluster(object: ManifestObject, index: number): KubernetesObject {
  const metadata = { ...object.metadata, creationTimestamp: "2026-01-01T00:00:00Z" };
  const spec: object = object["spec"] ?? {};
  const base = { ...object, metadata, spec } as unknown as KubernetesObject;
  if (object.kind === "Service") {
    const { clusterIP = `10.96.0.${index}`, ports } = spec as {
      readonly clusterIP?: string;
      readonly ports: readonly object[];
    };
    const complete = ports.map((own) => ({ protocol: "TCP", ...own }));
    return {
      ...base,
      spec: { type: "ClusterIP", ...spec, clusterIPs: [clusterIP], ports: complete },
    } as KubernetesObject;
  }
  if (object.kind !== "Pod") return base;
  const isMeshed = metadata.namespace !== "outside";
  const labels = { ...(metadata as { labels?: object }).labels, ...(isMeshed && { "osm-proxy-uuid": "u" }) };
  const status = { phase: "Running", podIPs: [{ ip: `10.244.0.${index}` }] };
  return { ...base, metadata: { ...metadata, labels }, status } as unknown as KubernetesObject;
}

function meshOf(cluster: Cluster): { readonly mesh: Mesh; readonly problems: readonly string[] } {
  return givenObjects([...cluster.values()].map((object, index) => asInCluster(object, index + 1)));
}

/** What the mesh's own words say of a client of the Service `bookstore`: its rule's backends, those among their accounts that admit it. */
function expectationOfClient(mesh: Mesh, client: AppName): Expectation {
  const from = accountKey(client, client);
  const admits = (to: typeof v1): boolean => {
    const [first, ...others] = requests.map((request) => allowed(mesh, { from, to, port, request }));
    assert.ok(
      others.every((other) => other === first),
      "both pages are allowed, or none",
    );
    return first ?? false;
  };
  const [rule] = portOf(mesh, "bookstore").rules;
  const backends = (rule?.backends ?? []).filter(({ weight }) => weight > 0);
  const sum = backends.reduce((total, { weight }) => total + weight, 0);
  const shares: Record<string, number> = {};
  const identities = new Set<string>();
  for (const { service, weight } of backends) {
    const name = service.slice(service.indexOf("/") + 1);
    const admitting = portOf(mesh, name)
      .accounts.filter(admits)
      .map((account) => account.slice("bookstore/".length));
    for (const identity of admitting) identities.add(identity);
    const part = admitting.length > 0 ? name : "503";
    shares[part] = (shares[part] ?? 0) + weight / sum;
  }
  const reachable = [v1, v2].some(admits);
  if (!reachable) return { kind: "frozen", side: "client", denial: "403" };
  if (backends.length > 1) return { kind: identities.size > 1 ? "split" : "mixed", side: "client", shares };
  if (identities.size === 0) return { kind: "frozen", side: "client", denial: "503" };
  return { kind: "increments", side: "client", from: [...identities].toSorted() };
}

function portOf(mesh: Mesh, service: string): Mesh["services"][number]["ports"][number] {
  const found = mesh.services.find(({ key }) => key === serviceKey("bookstore", service))?.ports[0];
  assert.ok(found, service);
  return found;
}

function server(works: boolean): Expectation {
  return { kind: works ? "increments" : "frozen", side: "server" };
}

/** Does any client get a success from this version? */
function sells(expected: readonly Expectation[], identity: string): boolean {
  return expected.some(
    (expectation) =>
      (expectation.kind === "increments" && expectation.side === "client" && expectation.from.includes(identity)) ||
      ((expectation.kind === "split" || expectation.kind === "mixed") && identity in expectation.shares),
  );
}

void test("every row makes a mesh without problems, and expects what that mesh allows", () => {
  const cluster: Cluster = new Map();
  apply(cluster, deployed);
  assert.deepEqual(meshOf(cluster).problems, []);
  for (const row of rows) {
    apply(cluster, [...row.deploy, ...row.apply]);
    const { mesh, problems } = meshOf(cluster);
    assert.deepEqual(problems, [], row.id);
    const clients = (["bookbuyer", "bookthief"] as const).map((client) => expectationOfClient(mesh, client));
    assert.deepEqual([row.expected.bookbuyer, row.expected.bookthief], clients, row.id);

    const isDeployed = cluster.has("Pod bookstore/bookstore-v2");
    assert.deepEqual(row.expected["bookstore-v1"], server(sells(clients, "bookstore-v1")), row.id);
    assert.deepEqual(
      row.expected["bookstore-v2"],
      isDeployed ? server(sells(clients, "bookstore-v2")) : { kind: "absent" },
      row.id,
    );

    const restock = { method: "POST", path: "/restock-books" };
    const restocks = [v1, v2].some(
      (from) =>
        sells(clients, from.slice("bookstore/".length)) &&
        allowed(mesh, { from, to: warehouse, port, request: restock }),
    );
    const writes = restocks && allowed(mesh, { from: warehouse, to: mysql, port: 3306 });
    assert.deepEqual([row.expected.bookwarehouse, row.expected.mysql], [server(restocks), server(writes)], row.id);
    assert.deepEqual(row.expected.outside, { kind: "frozen", side: "client", denial: "closed" }, row.id);
  }
});

void test("nobody but OSM's allowed pairs gets through in the last row", () => {
  const cluster: Cluster = new Map();
  apply(cluster, [...deployed, ...rows.flatMap((row) => [...row.deploy, ...row.apply])]);
  const { mesh } = meshOf(cluster);
  const buyer = accountKey("bookbuyer", "bookbuyer");
  const thief = accountKey("bookthief", "bookthief");
  const [, buy] = requests;
  assert.ok(buy);
  const restock = { method: "POST", path: "/restock-books" };
  for (const from of [buyer, thief, v1, v2, mysql]) {
    assert.equal(allowed(mesh, { from, to: mysql, port: 3306 }), false, `${from} to the database`);
    const isStore = from === v1 || from === v2;
    assert.equal(allowed(mesh, { from, to: warehouse, port, request: restock }), isStore, `${from} to the warehouse`);
  }
  assert.equal(allowed(mesh, { from: warehouse, to: v1, port, request: buy }), false);
  assert.equal(allowed(mesh, { from: thief, to: v2, port, request: buy }), false);
  const posted = { ...buy, method: "POST" };
  assert.equal(allowed(mesh, { from: buyer, to: v1, port, request: posted }), false, "a method that no match names");
  const { "client-app": _, ...anonymous } = clientHeaders;
  const unnamed = { method: "GET", path: "/books-bought", headers: anonymous };
  assert.equal(allowed(mesh, { from: buyer, to: v1, port, request: unnamed }), false, "a header is missing");
});

void test("each column is a pod of that name, and no file is left over", () => {
  const used = new Set([...deployed, ...rows.flatMap((row) => [...row.deploy, ...row.apply])]);
  const cluster: Cluster = new Map();
  apply(cluster, [...used]);
  for (const { app, namespace } of columns) assert.ok(cluster.has(`Pod ${namespace}/${app}`), app);
  assert.equal([...cluster.keys()].filter((key) => key.startsWith("Pod ")).length, columns.length);
});
