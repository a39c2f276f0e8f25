import assert from "node:assert/strict";
import { it } from "node:test";
import type { KubernetesObject, ObjectList } from "../../../gateway/kubernetes/client.ts";
import { type Collection, type ListWatch, startListWatch } from "../../../gateway/kubernetes/list-watch.ts";
import { eventually } from "../kubernetes/api-client.ts";
import { core } from "../kubernetes/world.ts";
import { type GatewayPlace, type GatewayTests, until } from "./place.ts";

const configMaps: Collection = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };

interface Followed extends AsyncDisposable {
  readonly watch: ListWatch;
  /** Names in the suite's namespace, with what their objects hold. */
  readonly present: ReadonlyMap<string, KubernetesObject>;
  readonly lists: () => number;
  readonly faults: readonly Error[];
}

/** A follower that keeps what it hears. */
function follow({ client, namespace }: GatewayPlace, collection: Collection): Followed {
  const present = new Map<string, KubernetesObject>();
  const faults: Error[] = [];
  let lists = 0;
  const keep = (object: KubernetesObject): void => {
    if (object.metadata.namespace === namespace) present.set(object.metadata.name, object);
  };
  const watch = startListWatch(client, collection, {
    replaced(objects) {
      lists += 1;
      present.clear();
      for (const object of objects) keep(object);
    },
    applied: keep,
    deleted({ metadata }) {
      if (metadata.namespace === namespace) present.delete(metadata.name);
    },
    fault: (error) => faults.push(error),
  });
  return {
    watch,
    present,
    lists: () => lists,
    faults,
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  };
}

export const listWatchTests: GatewayTests = (place) => {
  it("reads a list in pages: all of it, of one moment, and of each object what is kept", async () => {
    const { api, client, namespace } = place();
    const path = core(namespace, "configmaps");
    const names = ["page-a", "page-b", "page-c", "page-d", "page-e"];
    for (const name of names) await api.post(path, { metadata: { name }, data: { name } });
    const keep = ({ metadata }: KubernetesObject): KubernetesObject => ({ metadata });
    const list = await client.call<ObjectList>({ path, pages: { size: 2, keep } });
    const found = list.items.filter(({ metadata }) => names.includes(metadata.name));
    assert.deepEqual(
      found.map(({ metadata }) => metadata.name),
      names,
    );
    assert.deepEqual(Object.keys(found[0] ?? {}), ["metadata"]);
    // Others write meanwhile, so a whole list of now may be of a later moment.
    const { resourceVersion } = list.metadata;
    const exact = new URLSearchParams({ resourceVersion, resourceVersionMatch: "Exact" });
    const whole = await client.call<ObjectList>({ path: `${path}?${exact}` });
    const versions = ({ items }: ObjectList) => items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]);
    assert.deepEqual(versions(list), versions(whole));
    for (const name of names) await api.delete(`${path}/${name}`);
  });

  it("follows a collection from a list on, in order, and lists anew when asked", async () => {
    const { api, namespace } = place();
    const path = core(namespace, "configmaps");
    await api.post(path, { metadata: { name: "before" }, data: { at: "0" } });
    await using followed = follow(place(), configMaps);
    await until(() => followed.lists() === 1);
    const data = (name: string): unknown => followed.present.get(name)?.["data"];
    assert.deepEqual(data("before"), { at: "0" });
    assert.equal(followed.present.get("before")?.apiVersion, "v1");
    await api.post(path, { metadata: { name: "during" } });
    for (const at of ["1", "2", "3"]) await api.patch(`${path}/before`, "merge", { data: { at } });
    await api.delete(`${path}/during`);
    await api.post(path, { metadata: { name: "last" } });
    await until(() => followed.present.has("last"));
    assert.deepEqual([data("before"), followed.present.has("during")], [{ at: "3" }, false]);
    await followed.watch.relist();
    assert.deepEqual([followed.lists(), data("before"), followed.present.has("during")], [2, { at: "3" }, false]);
    assert.deepEqual(followed.faults, []);
  });

  it("hears of a kind that is installed later, and counts one that was removed as empty", async () => {
    const { api, namespace } = place();
    const group = `${namespace}.example`;
    const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    await using followed = follow(place(), { group, version: "v1", plural: "gears", kind: "Gear" });
    await until(() => followed.lists() === 1);
    assert.equal(followed.present.size, 0);
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const made = await api.post(crds, {
      metadata: { name: `gears.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural: "gears", kind: "Gear" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    });
    assert.equal(made.code, 201);
    const gears = `/apis/${group}/v1/namespaces/${namespace}/gears`;
    const gear = { apiVersion: `${group}/v1`, kind: "Gear", metadata: { name: "first" } };
    // Not served yet, or, as a real server says of a kind that was installed a moment ago, busy.
    await eventually(
      () => api.post(gears, gear),
      ({ code }) => code === 201,
    );
    await until(() => followed.present.has("first"));
    await api.delete(`${crds}/gears.${group}`);
    await until(() => followed.present.size === 0);
  });
};
