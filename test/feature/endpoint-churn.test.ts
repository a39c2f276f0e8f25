import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { createFakeSecrets, snapshotOf } from "../../gateway/fast/fast-fixture.ts";
import { createProxyViews } from "../../gateway/fast/proxy-views.ts";
import { createFakeApi, until } from "../../gateway/kubernetes/client-fixture.ts";
import { startClusterObjects } from "../../gateway/kubernetes/cluster-objects.ts";
import { accountKey } from "../../shared/core/mesh/mesh.ts";
import { step } from "../../shared/core/stream/step.ts";
import { createStream, type Stream, type StreamInput } from "../../shared/core/stream/stream.ts";
import { absentResource } from "../../shared/core/xds/absent.ts";
import { envoyTypes } from "../../shared/core/xds/resource.ts";
import { type KubernetesObject, meshConfig, namespace, pod, service } from "../support/build.ts";

/** Services of which each has some pods; the first pod of each has a proxy here. */
const services = Array.from({ length: 10 }, (_, index) => `s${index}`);
const podsOfService = 5;
/** Pods that are replaced, with three events each. */
const turns = Number(process.env["WEFT_CHURN"] ?? 4000);
/** Objects more or fewer after thousands of events: what caches and the test itself hold for the moment. */
const slack = 1000;

test(`${turns} pods that come and go leave nothing behind`, async () => {
  await using cluster = await startCluster();
  const views = createProxyViews({
    objects: cluster.picture,
    secrets: createFakeSecrets(...services.map((name) => accountKey("shop", name))),
    compileClass: () => Promise.resolve(undefined),
    fault(error) {
      throw error;
    },
  });
  views.serve(snapshotOf(1, cluster.objects()));
  const streams = services.map((name) => follow(views, name));
  const churn = async (from: number, to: number): Promise<void> => {
    for (let turn = from; turn < to; turn++) {
      cluster.replacePod(turn);
      // Some come alone, some many in one turn of the event loop.
      if (turn % 7 < 5) await nextTurn();
    }
    await nextTurn();
  };
  await churn(0, 1000);
  const before = queryObjects(Object, { format: "count" });
  await churn(1000, turns);
  const after = queryObjects(Object, { format: "count" });
  assert.ok(after - before < slack, `${before} objects became ${after}`);
  for (const stream of streams) {
    const { view } = stream();
    const endpoints = view?.resources.endpoint;
    assert.equal(endpoints?.size, services.length);
    assert.equal(view?.generation, stream().settled, "all of the newest view is acknowledged");
    assert.ok((view?.generation ?? 0) > (turns / 2) * services.length, "every class had a view for most");
  }
  views[Symbol.dispose]();
});

/** A stream that acknowledges all at once. */
function follow(views: ReturnType<typeof createProxyViews>, name: string): () => Stream {
  let stream = createStream({ protocol: "delta", absent: absentResource });
  const empty = { subscribe: [], unsubscribe: [], held: new Map(), nonce: "", error: undefined };
  const give = (input: StreamInput): void => {
    const result = step(stream, input);
    stream = result.stream;
    for (const output of result.outputs)
      if (output.kind === "send")
        queueMicrotask(() =>
          give({ kind: "request", now: 0, request: { ...empty, type: output.type, nonce: output.nonce } }),
        );
  };
  for (const type of envoyTypes) give({ kind: "request", now: 0, request: { ...empty, type, subscribe: ["*"] } });
  views.follow(
    { proxy: `shop/${name}`, namespace: "shop", pod: name, podUid: `uid-${name}`, serviceAccount: name },
    { view: (view) => give({ kind: "view", now: 0, view }), end: assert.fail },
  );
  return () => stream;
}

/** The gateway's own picture, over an API server that the test writes. */
async function startCluster() {
  const pods = new Map(
    services.map((name) => [name, Array.from({ length: podsOfService }, (_, index) => podOf(name, index))]),
  );
  const frame = [
    namespace("shop"),
    meshConfig({ permissive: true, egress: false }),
    ...services.map((name) => service(`shop/${name}`, { ports: [{ port: 80, targetPort: 8080, name: "http" }] })),
  ];
  const all = (): readonly KubernetesObject[] => [
    ...frame,
    ...[...pods.values()].flat(),
    ...services.map((name) => sliceOf(name, pods.get(name) ?? [])),
  ];
  let resourceVersion = 1;
  const stamped = (object: KubernetesObject) => ({
    ...object,
    metadata: { uid: `uid-${object.metadata.name}`, ...object.metadata, resourceVersion: String(++resourceVersion) },
  });
  const api = createFakeApi(({ path }) => ({
    metadata: { resourceVersion: "1" },
    items: all()
      .filter(({ kind }) => path.endsWith(`/${pluralOf(kind)}`))
      .map(stamped),
  }));
  const picture = startClusterObjects({
    client: api,
    network: { serviceCidrs: ["10.96.0.0/12"] },
    classLinger: 0,
    fault(error) {
      throw error;
    },
  });
  await picture.listed;
  const watchOf = (kind: string) =>
    api.watches.findLast(({ path }) => path.split("?")[0]?.endsWith(`/${pluralOf(kind)}`));
  await until(() => watchOf("Pod") !== undefined && watchOf("EndpointSlice") !== undefined);
  const tell = (type: "ADDED" | "MODIFIED" | "DELETED", object: KubernetesObject): void =>
    watchOf(object.kind)?.line({ type, object: stamped(object) });
  return {
    picture,
    objects: () => all().filter(({ kind }) => kind !== "EndpointSlice"),
    /** Another pod takes the place of one that has no proxy here. */
    replacePod(turn: number): void {
      const name = services[turn % services.length] ?? "";
      const [first, gone, ...others] = pods.get(name) ?? [];
      if (first === undefined || gone === undefined) throw new Error(`${name} has no pods`);
      const come = podOf(name, podsOfService + turn);
      pods.set(name, [first, ...others, come]);
      tell("ADDED", come);
      tell("MODIFIED", sliceOf(name, [first, ...others, come]));
      tell("DELETED", gone);
    },
    [Symbol.asyncDispose]: () => picture[Symbol.asyncDispose](),
  };
}

function pluralOf(kind: string): string {
  return `${kind.toLowerCase()}s`;
}

function podOf(account: string, index: number): KubernetesObject {
  const name = index === 0 ? account : `${account}-${index}`;
  return pod(`shop/${name}`, {
    account,
    labels: { app: account },
    ips: [`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`],
  });
}

function sliceOf(name: string, pods: readonly KubernetesObject[]): KubernetesObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": name } },
    ports: [{ name: "http", port: 8080 }],
    endpoints: pods.map(({ metadata, status }) => ({
      addresses: (status as { readonly podIPs: readonly { readonly ip: string }[] }).podIPs.map(({ ip }) => ip),
      conditions: { ready: true },
      targetRef: { kind: "Pod", namespace: "shop", name: metadata.name },
    })),
  };
}
