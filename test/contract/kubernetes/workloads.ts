import assert from "node:assert/strict";
import { it } from "node:test";
import { type Answer, type ApiClient, eventually } from "./api-client.ts";
import { core, pod, type Tests } from "./world.ts";

const slicesPath = (namespace: string): string => `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;

function slicesOf(api: ApiClient, namespace: string, service: string): Promise<Answer> {
  return api.get(`${slicesPath(namespace)}?labelSelector=kubernetes.io%2Fservice-name%3D${service}`);
}

const running = (address: string, ready = "True"): object => ({
  status: {
    phase: "Running",
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: [{ type: "Ready", status: ready }],
  },
});

/** Namespaces, Services, Pods, EndpointSlices. */
export const workloadTests: Tests = (place) => {
  it("gives a namespace its service account, and deletes it with all its contents", async () => {
    const { api, namespace } = place();
    const name = `${namespace}-short`;
    const made = await api.post("/api/v1/namespaces", { metadata: { name } });
    assert.equal(made.body.at("metadata", "labels", "kubernetes.io/metadata.name"), name);
    assert.equal(made.body.at("status", "phase"), "Active");
    await eventually(
      () => api.get(`${core(name, "serviceaccounts")}/default`),
      ({ code }) => code === 200,
    );
    await api.post(core(name, "configmaps"), { metadata: { name: "inside" } });
    const deleted = await api.delete(`/api/v1/namespaces/${name}`);
    assert.equal(deleted.code, 200);
    await eventually(
      () => api.get(`/api/v1/namespaces/${name}`),
      ({ code }) => code === 404,
    );
    assert.equal((await api.get(`${core(name, "configmaps")}/inside`)).code, 404);
  });

  it("gives a Service an address that stays", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "services");
    const made = await api.post(path, { metadata: { name: "addressed" }, spec: { ports: [{ port: 80 }] } });
    const spec = made.body.record("spec");
    assert.match(made.body.text("spec", "clusterIP"), /^\d+\.\d+\.\d+\.\d+$/);
    assert.deepEqual(spec["clusterIPs"], [spec["clusterIP"]]);
    assert.deepEqual(spec["ports"], [{ protocol: "TCP", port: 80, targetPort: 80 }]);
    assert.deepEqual([spec["type"], spec["sessionAffinity"]], ["ClusterIP", "None"]);
    const moved = await api.patch(`${path}/addressed`, "merge", {
      spec: { clusterIP: "10.1.1.1", clusterIPs: ["10.1.1.1"] },
    });
    assert.equal(moved.code, 422);
    assert.match(moved.body.text("message"), /spec.clusterIPs\[0\]: Invalid value: .* may not change once set/);
    const headless = await api.post(path, {
      metadata: { name: "headless" },
      spec: { clusterIP: "None", selector: { a: "b" } },
    });
    assert.deepEqual([headless.code, headless.body.at("spec", "clusterIP")], [201, "None"]);
    const portless = await api.post(path, { metadata: { name: "portless" }, spec: { selector: { a: "b" } } });
    assert.equal(portless.code, 422);
    assert.match(portless.body.text("message"), /spec.ports: Required value/);
  });

  it("deletes a Pod on a node gracefully, one without a node at once", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "pods");
    await api.post(path, pod("graceful"));
    const asked = await api.delete(`${path}/graceful`);
    assert.equal(asked.body.at("metadata", "deletionGracePeriodSeconds"), 30);
    const leaving = await api.get(`${path}/graceful`);
    assert.match(leaving.body.text("metadata", "deletionTimestamp"), /Z$/);
    await api.delete(`${path}/graceful`, { gracePeriodSeconds: 0 });
    assert.equal((await api.get(`${path}/graceful`)).code, 404);
    await api.post(path, pod("nowhere", { spec: { nodeName: undefined } }));
    await api.delete(`${path}/nowhere`);
    assert.equal((await api.get(`${path}/nowhere`)).code, 404);
  });

  it("fills in a Pod's defaults and refuses one without containers or service account", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "pods");
    const { body } = await api.post(path, pod("defaulted"));
    const spec = body.record("spec");
    assert.deepEqual(
      [spec["restartPolicy"], spec["serviceAccountName"], spec["terminationGracePeriodSeconds"], spec["dnsPolicy"]],
      ["Always", "default", 30, "ClusterFirst"],
    );
    assert.equal(body.at("status", "phase"), "Pending");
    assert.equal(body.at("spec", "containers", 0, "imagePullPolicy"), "IfNotPresent");
    const empty = await api.post(path, pod("empty", { spec: { containers: [] } }));
    assert.match(empty.body.text("message"), /spec.containers: Required value/);
    const stranger = await api.post(path, pod("stranger", { spec: { serviceAccountName: "nobody" } }));
    assert.equal(stranger.code, 403);
    assert.match(stranger.body.text("message"), /serviceaccount "nobody" not found/);
  });

  it("keeps EndpointSlices of a Service by its Pods", async () => {
    const { api, namespace } = place();
    const node = `${namespace}-node`;
    await api.post("/api/v1/nodes", { metadata: { name: node, labels: { "topology.kubernetes.io/zone": "zone-a" } } });
    const service = { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "web" }] };
    const { body: made } = await api.post(core(namespace, "services"), { metadata: { name: "web" }, spec: service });
    const empty = await eventually(
      () => slicesOf(api, namespace, "web"),
      ({ body }) => body.list("items").length === 1,
    );
    assert.deepEqual([empty.body.at("items", 0, "endpoints"), empty.body.at("items", 0, "ports")], [null, null]);
    const containers = [{ name: "c", image: "lab/none:1", ports: [{ name: "web", containerPort: 8080 }] }];
    const made1 = await api.post(
      core(namespace, "pods"),
      pod("web-1", { labels: { app: "web" }, spec: { nodeName: node, containers } }),
    );
    await api.patch(`${core(namespace, "pods")}/web-1/status`, "merge", running("10.9.0.1"));
    const filled = await eventually(
      () => slicesOf(api, namespace, "web"),
      ({ body }) => body.list("items", 0, "endpoints").length === 1,
    );
    const [slice] = filled.body.list("items");
    assert.deepEqual(slice?.at("ports"), [{ name: "http", protocol: "TCP", port: 8080 }]);
    assert.deepEqual(slice?.at("endpoints"), [
      {
        addresses: ["10.9.0.1"],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: "Pod", namespace, name: "web-1", uid: made1.body.at("metadata", "uid") },
        nodeName: node,
        zone: "zone-a",
      },
    ]);
    assert.equal(
      slice?.at("metadata", "labels", "endpointslice.kubernetes.io/managed-by"),
      "endpointslice-controller.k8s.io",
    );
    assert.equal(slice?.at("metadata", "ownerReferences", 0, "uid"), made.at("metadata", "uid"));
    const conditions = async (fits: (text: string) => boolean): Promise<void> => {
      await eventually(
        () => slicesOf(api, namespace, "web"),
        ({ body }) => fits(JSON.stringify(body.at("items", 0, "endpoints", 0, "conditions") ?? null)),
      );
    };
    await api.patch(`${core(namespace, "pods")}/web-1/status`, "merge", running("10.9.0.1", "False"));
    await conditions((text) => text.includes('"ready":false'));
    await api.patch(`${core(namespace, "pods")}/web-1/status`, "merge", running("10.9.0.1"));
    await api.delete(`${core(namespace, "pods")}/web-1`);
    await conditions((text) => text === '{"ready":false,"serving":true,"terminating":true}');
    await api.delete(`${core(namespace, "pods")}/web-1`, { gracePeriodSeconds: 0 });
    await eventually(
      () => slicesOf(api, namespace, "web"),
      ({ body }) => body.at("items", 0, "endpoints") === null,
    );
    await api.delete(`${core(namespace, "services")}/web`);
    await eventually(
      () => slicesOf(api, namespace, "web"),
      ({ body }) => body.list("items").length === 0,
    );
  });

  it("names the endpoints of a headless Service", async () => {
    const { api, namespace } = place();
    const spec = { clusterIP: "None", selector: { app: "db" }, ports: [{ name: "sql", port: 3306 }] };
    await api.post(core(namespace, "services"), { metadata: { name: "db" }, spec });
    const node = `${namespace}-node`;
    await api.post("/api/v1/nodes", { metadata: { name: node } });
    const start = async (name: string, more: object, address: string): Promise<void> => {
      await api.post(core(namespace, "pods"), pod(name, { labels: { app: "db" }, spec: more }));
      await api.patch(`${core(namespace, "pods")}/${name}/status`, "merge", running(address));
    };
    // A Pod without a Node, or on one that does not exist, is no endpoint.
    await start("db-lost", { nodeName: "no-such-node" }, "10.9.0.8");
    await start("db-homeless", { nodeName: undefined }, "10.9.0.7");
    await start("db-0", { nodeName: node, hostname: "db-0", subdomain: "db" }, "10.9.0.9");
    const { body } = await eventually(
      () => slicesOf(api, namespace, "db"),
      (answer) => answer.body.list("items", 0, "endpoints").length > 0,
    );
    const endpoints = body
      .list("items", 0, "endpoints")
      .map((endpoint) => [endpoint.at("addresses", 0), endpoint.at("hostname")]);
    assert.deepEqual(endpoints, [["10.9.0.9", "db-0"]]);
    assert.equal(body.at("items", 0, "metadata", "labels", "service.kubernetes.io/headless"), "");
  });
};
