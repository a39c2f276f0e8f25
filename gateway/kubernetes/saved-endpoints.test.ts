import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { serviceKey } from "../../shared/core/mesh/mesh.ts";
import { type KubernetesObject, pod, service } from "../../test/support/build.ts";
import { openFileDisk } from "../disk/file-disk.ts";
import { createFakeApi, type FakeApi, until } from "./client-fixture.ts";
import { startClusterObjects } from "./cluster-objects.ts";
import { startSavedEndpoints } from "./saved-endpoints.ts";

const cart = service("shop/cart", { ports: [{ port: 80, targetPort: 8080, name: "http" }] });
const slice = (address: string): KubernetesObject => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "cart-1", namespace: "shop", labels: { "kubernetes.io/service-name": "cart" } },
  ports: [{ name: "http", port: 8080 }],
  endpoints: [{ addresses: [address], targetRef: { kind: "Pod", name: "cart", namespace: "shop" } }],
});
const plurals: Readonly<Record<string, string>> = {
  Pod: "pods",
  Service: "services",
  EndpointSlice: "endpointslices",
};

/** Lists these; what is not in `answers` is asked for in vain. */
function apiOf(objects: readonly KubernetesObject[], answers: () => boolean): FakeApi {
  return createFakeApi(({ path }) => {
    if (!answers()) throw new Error("Kubernetes does not answer");
    const items = objects.filter(({ kind }) => path.endsWith(`/${plurals[kind]}`));
    return { metadata: { resourceVersion: "1" }, items };
  });
}

function start(t: TestContext, folder: string, options: { readonly api: FakeApi; readonly patience: number }) {
  const faults: string[] = [];
  const objects = startClusterObjects({
    client: options.api,
    network: {},
    classLinger: 1000,
    fault: () => undefined,
  });
  const saved = startSavedEndpoints({
    disk: openFileDisk(folder),
    objects,
    patience: options.patience,
    interval: 10,
    fault: (error) => faults.push(String(error)),
  });
  t.after(() => objects[Symbol.asyncDispose]());
  return { objects, saved, faults };
}

function addressesOf({ objects }: ReturnType<typeof start>): readonly string[] {
  const slices = objects.slices(serviceKey("shop", "cart"));
  return [...slices].flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses));
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "weft-endpoints-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function saveOnce(t: TestContext, folder: string): Promise<void> {
  const first = start(t, folder, {
    api: apiOf([cart, pod("shop/cart"), slice("10.1.0.1")], () => true),
    patience: 60_000,
  });
  await first.objects.listed;
  await first.saved[Symbol.asyncDispose]();
  assert.deepEqual(first.faults, []);
}

test("while Kubernetes does not answer, pods, Services and endpoints are those that were saved; lists replace them whole", async (t) => {
  const folder = await folderOf(t);
  await saveOnce(t, folder);
  let answers = false;
  const api = apiOf([cart, slice("10.1.0.9"), pod("shop/other")], () => answers);
  const second = start(t, folder, { api, patience: 20 });
  await second.saved.restored;
  assert.equal(second.objects.pod("shop/cart")?.meshed, true);
  assert.ok(second.objects.classOf("shop/cart"), "with its class");
  assert.deepEqual(addressesOf(second), ["10.1.0.1"]);
  answers = true;
  await second.objects.listed;
  assert.deepEqual(addressesOf(second), ["10.1.0.9"]);
  assert.deepEqual(
    [...second.objects.pods()].map(({ key }) => key),
    ["shop/other"],
  );
  await second.saved[Symbol.asyncDispose]();
});

test("nothing stands in for lists that come in time", async (t) => {
  const folder = await folderOf(t);
  await saveOnce(t, folder);
  const second = start(t, folder, { api: apiOf([cart], () => true), patience: 20_000 });
  await second.objects.listed;
  assert.deepEqual([...second.objects.pods()], []);
  await second.saved[Symbol.asyncDispose]();
});

test("what is damaged stands in for nothing", async (t) => {
  const folder = await folderOf(t);
  await saveOnce(t, folder);
  await writeFile(join(folder, "endpoints"), '0123456789abcdef\n{"shape":1,"pods":[]');
  const api = apiOf([], () => false);
  const second = start(t, folder, { api, patience: 1 });
  let restored = false;
  void second.saved.restored.then(() => {
    restored = true;
  });
  await until(() => api.calls.length > 20);
  assert.equal(restored, false);
  await second.saved[Symbol.asyncDispose]();
});
