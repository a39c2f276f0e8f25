import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { recordsOf } from "../json.ts";
import type { KubernetesObject } from "../object.ts";
import { planSlices, type SlicePlan } from "./slice-plan.ts";

const metadata = (name: string) => ({
  name,
  namespace: "shop",
  uid: `uid-${name}`,
  resourceVersion: "1",
  creationTimestamp: "",
});
const node: KubernetesObject = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { ...metadata("n1"), labels: { "topology.kubernetes.io/zone": "z" } },
};
const service = (more: object = {}): KubernetesObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadata("web"),
  spec: { ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: "web" }], ...more },
});
const pod = (
  name: string,
  more: { spec?: object; status?: object; meta?: object; port?: number } = {},
): KubernetesObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { ...metadata(name), ...more.meta },
  spec: {
    nodeName: "n1",
    containers: [{ name: "c", ports: [{ name: "web", containerPort: more.port ?? 8080 }] }],
    ...more.spec,
  },
  status: { phase: "Running", podIP: `ip-${name}`, conditions: [{ type: "Ready", status: "True" }], ...more.status },
});
const plan = (
  pods: readonly KubernetesObject[],
  more: { slices?: readonly KubernetesObject[]; service?: KubernetesObject; node?: KubernetesObject | undefined } = {},
): SlicePlan =>
  planSlices(more.service ?? service(), pods, {
    slices: more.slices ?? [],
    nodeOf: () => ("node" in more ? more.node : node),
  });
const stored = (name: string, planned: SlicePlan["write"][number] | undefined): KubernetesObject => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: metadata(name),
  endpoints: planned?.endpoints.length ? planned.endpoints : null,
  ports: planned?.ports.length ? planned.ports : null,
});
const addresses = ({ write }: SlicePlan): unknown =>
  write.map(({ endpoints }) => endpoints.map((each) => each.addresses[0]));

describe("planSlices()", () => {
  it("describes each pod that has an address and a node", () => {
    const { write } = plan([
      pod("a"),
      pod("b", { status: { podIP: undefined } }),
      pod("c", { status: { phase: "Failed" } }),
    ]);
    assert.deepEqual(write, [
      {
        slice: undefined,
        ports: [{ name: "http", protocol: "TCP", port: 8080 }],
        endpoints: [
          {
            addresses: ["ip-a"],
            conditions: { ready: true, serving: true, terminating: false },
            targetRef: { kind: "Pod", namespace: "shop", name: "a", uid: "uid-a" },
            nodeName: "n1",
            zone: "z",
          },
        ],
      },
    ]);
    assert.deepEqual(addresses(plan([pod("a")], { node: undefined })), [[]]);
  });

  it("tells ready, serving and terminating apart", () => {
    const conditions = (more: Parameters<typeof pod>[1], spec: object = {}): unknown =>
      plan([pod("a", more)], { service: service(spec) }).write[0]?.endpoints[0]?.["conditions"];
    const unready = { conditions: [{ type: "Ready", status: "False" }] };
    const leaving = { deletionTimestamp: "2026-01-01T00:00:00Z" };
    assert.deepEqual(conditions({ status: unready }), { ready: false, serving: false, terminating: false });
    assert.deepEqual(conditions({ meta: leaving }), { ready: false, serving: true, terminating: true });
    const always = { publishNotReadyAddresses: true };
    assert.deepEqual(conditions({ status: unready }, always), { ready: true, serving: false, terminating: false });
  });

  it("keeps pods with other port numbers in other slices", () => {
    const { write } = plan([pod("a"), pod("b", { port: 9090 }), pod("c")]);
    assert.deepEqual(
      write.map(({ ports, endpoints }) => [ports[0]?.port, endpoints.length]),
      [
        [8080, 2],
        [9090, 1],
      ],
    );
  });

  it("changes only the slice that changes", () => {
    const pods = Array.from({ length: 150 }, (_, index) => pod(`p${index}`));
    const first = plan(pods);
    assert.deepEqual(
      first.write.map(({ endpoints }) => endpoints.length),
      [100, 50],
    );
    const slices = first.write.map((planned, index) => stored(`s${index}`, planned));
    assert.deepEqual(plan(pods, { slices }), { write: [], remove: [] });
    const fewer = plan(pods.slice(1), { slices });
    assert.deepEqual(
      fewer.write.map(({ slice }) => slice?.metadata.name),
      ["s0", "s1"].slice(0, fewer.write.length),
    );
    const more = plan([...pods, pod("new")], { slices });
    assert.deepEqual(
      more.write.map(({ slice, endpoints }) => [slice?.metadata.name, endpoints.length]),
      [["s1", 51]],
    );
    const none = plan([], { slices });
    assert.deepEqual([none.write.map(({ slice }) => slice?.metadata.name), none.remove.length], [["s0"], 1]);
  });

  it("keeps one empty slice for a service without endpoints, and fills it later", () => {
    const { write } = plan([]);
    assert.deepEqual(write, [{ slice: undefined, ports: [], endpoints: [] }]);
    const empty = stored("s", write[0]);
    assert.deepEqual(plan([], { slices: [empty] }), { write: [], remove: [] });
    const filled = plan([pod("a")], { slices: [empty] });
    assert.deepEqual([filled.write.map(({ slice }) => slice?.metadata.name), filled.remove], [["s"], []]);
    assert.equal(recordsOf(filled.write[0]?.endpoints).length, 1);
  });

  it("names an endpoint whose pod bears the service as its subdomain", () => {
    const named = plan([
      pod("a", { spec: { hostname: "db-0", subdomain: "web" } }),
      pod("b", { spec: { hostname: "db-1" } }),
    ]);
    assert.deepEqual(
      named.write[0]?.endpoints.map((each) => each["hostname"]),
      ["db-0", undefined],
    );
  });
});
