import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, it } from "node:test";
import { parseAllDocuments } from "yaml";
import { type ClusterObjects, startClusterObjects } from "../../../gateway/kubernetes/cluster-objects.ts";
import { kinds } from "../../../shared/core/events/kinds.ts";
import { serviceKey } from "../../../shared/core/mesh/mesh.ts";
import { type ObjectKey, objectKeyText } from "../../../shared/core/object.ts";
import { type ApiClient, eventually } from "../kubernetes/api-client.ts";
import { core, pod } from "../kubernetes/world.ts";
import { type GatewayTests, until } from "./place.ts";

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** Installs the mesh's definitions; gives the names of those that were not there. */
async function installDefinitions(api: ApiClient): Promise<readonly string[]> {
  const folder = resolve(import.meta.dirname, "../../../infra/kubernetes/crds");
  const installed: string[] = [];
  for (const file of readdirSync(folder)) {
    for (const document of parseAllDocuments(readFileSync(join(folder, file), "utf8"))) {
      const definition: unknown = document.toJS();
      const { code, body } = await api.post(crds, definition);
      assert.ok(code === 201 || code === 409, `${file}: ${JSON.stringify(body.value)}`);
      if (code === 201) installed.push(body.text("metadata", "name"));
    }
  }
  for (const name of installed) {
    await eventually(
      () => api.get(`${crds}/${name}`),
      ({ body }) => body.list("status", "conditions").some((each) => each.at("type") === "Established"),
    );
  }
  return installed;
}

export const clusterPictureTests: GatewayTests = (place) => {
  let installed: readonly string[];
  let picture: ClusterObjects;
  const faults: Error[] = [];
  const kept = (kind: { group: string; kind: string }, name: string): string | undefined => {
    const key: ObjectKey = { group: kind.group, kind: kind.kind, namespace: place().namespace, name };
    return picture.objects().get(objectKeyText(key));
  };

  before(async () => {
    installed = await installDefinitions(place().api);
    picture = startClusterObjects({
      client: place().client,
      network: { serviceCidrs: ["10.96.0.0/12"] },
      classLinger: 50,
      fault: (error) => faults.push(error),
    });
    await picture.listed;
  });
  after(async () => {
    await picture[Symbol.asyncDispose]();
    for (const name of installed) await place().api.delete(`${crds}/${name}`);
  });

  it("holds the mesh's objects as they come, change and go", async () => {
    const { api, namespace } = place();
    const path = `/apis/access.smi-spec.io/v1alpha3/namespaces/${namespace}/traffictargets`;
    const target = (sources: readonly object[]): object => ({
      apiVersion: "access.smi-spec.io/v1alpha3",
      kind: "TrafficTarget",
      metadata: { name: "buy" },
      spec: { destination: { kind: "ServiceAccount", name: "store", namespace }, rules: [], sources },
    });
    const buyer = { kind: "ServiceAccount", name: "buyer", namespace };
    // Not served yet, or, as a real server says of a kind that was installed a moment ago, busy.
    await eventually(
      () => api.post(path, target([buyer])),
      ({ code }) => code === 201,
    );
    await until(() => kept(kinds.trafficTarget, "buy") !== undefined);
    const before = kept(kinds.trafficTarget, "buy");
    assert.match(before ?? "", /"buyer"/);
    await api.patch(`${path}/buy`, "merge", { metadata: { annotations: { unread: "1" } } });
    await api.patch(`${path}/buy`, "merge", { spec: { sources: [buyer, { ...buyer, name: "thief" }] } });
    await until(() => kept(kinds.trafficTarget, "buy") !== before);
    // What the mesh does not read changed nothing.
    assert.match(kept(kinds.trafficTarget, "buy") ?? "", /"thief"/);
    await api.delete(`${path}/buy`);
    await until(() => kept(kinds.trafficTarget, "buy") === undefined);
    assert.ok(kept(kinds.serviceAccount, "default") !== undefined);
  });

  it("gives pods their classes and Services their endpoints, from the first to the last", async () => {
    const { api, namespace } = place();
    const pods = core(namespace, "pods");
    const service = serviceKey(namespace, "store");
    const endpoints = (): readonly string[] =>
      [...picture.slices(service)].flatMap((slice) =>
        slice.endpoints.map(
          (each) =>
            `${each.addresses[0]} ${each.ready ? "ready" : "unready"}${each.terminating ? " terminating" : ""} ${each.pod}`,
        ),
      );
    await api.post("/api/v1/nodes", { metadata: { name: namespace } });
    await api.post(core(namespace, "serviceaccounts"), { metadata: { name: "store" } });
    await api.post(core(namespace, "services"), {
      metadata: { name: "store" },
      spec: { selector: { app: "store" }, ports: [{ name: "http", port: 80, targetPort: "web" }] },
    });
    const labels = { app: "store", "osm-proxy-uuid": "0b41ae4b-6b1d-4fb4-b2f5-94e2a2f1b6b0" };
    const containers = [{ name: "c", image: "lab/none:1", ports: [{ name: "web", containerPort: 8080 }] }];
    const spec = { nodeName: namespace, serviceAccountName: "store", containers };
    const made = await api.post(pods, pod("store-0", { labels, spec }));
    assert.equal(made.code, 201, JSON.stringify(made.body.value));
    const key = `${namespace}/store-0`;
    const classKey = (): ObjectKey | undefined => picture.classOf(key)?.key;
    const ready = (address: string, status: string): object => ({
      status: {
        phase: "Running",
        podIP: address,
        podIPs: [{ ip: address }],
        conditions: [{ type: "Ready", status }],
      },
    });
    await api.patch(`${pods}/store-0/status`, "merge", ready("10.9.2.1", "True"));
    await until(() => endpoints().join() === `10.9.2.1 ready ${key}` && classKey() !== undefined, endpoints);
    assert.deepEqual([...picture.slices(service)][0]?.ports, [{ name: "http", port: 8080 }]);
    assert.deepEqual([picture.pod(key)?.addresses, picture.pod(key)?.meshed], [["10.9.2.1"], true]);
    await api.patch(`${pods}/store-0/status`, "merge", ready("10.9.2.1", "False"));
    await until(() => endpoints().join() === `10.9.2.1 unready ${key}`, endpoints);
    await api.delete(`${pods}/store-0`);
    await until(() => endpoints().join() === `10.9.2.1 unready terminating ${key}`, endpoints);
    const leaving = classKey();
    assert.ok(leaving !== undefined && picture.objects().get(objectKeyText(leaving)) !== undefined);
    await api.delete(`${pods}/store-0`, { gracePeriodSeconds: 0 });
    await until(() => endpoints().length === 0 && picture.pod(key) === undefined, endpoints);
    await until(() => picture.objects().get(objectKeyText(leaving)) === undefined);
    // A kind that was installed a moment ago is busy, says a real server.
    const others = faults.map(({ message }) => message).filter((text) => text !== "storage is (re)initializing");
    assert.deepEqual(others, []);
  });

  it("is the same after everything was listed anew", async () => {
    const own = (): unknown => [...picture.objects().entries()].filter(([key]) => key.includes(place().namespace));
    const before = own();
    await picture.relist();
    assert.deepEqual(own(), before);
  });
};
