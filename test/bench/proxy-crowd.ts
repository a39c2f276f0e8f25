import { setTimeout as pause } from "node:timers/promises";
import { createKubernetesClient } from "../../gateway/kubernetes/client.ts";
import { readData } from "../../gateway/kubernetes/kept-data.ts";
import { localNamespace } from "../../local/names.ts";
import { connectFakeProxy, type FakeProxy } from "../../local/proxies/fake-proxy.ts";
import { eachOf } from "../../shared/shell/each-of.ts";
import { runPod } from "../feature/feature-proxy.ts";
import { openLeanAdsStream } from "./lean-ads-stream.ts";
import { serviceName } from "./mesh-objects.ts";

/** Simulated proxies, each with a pod of its own behind one of the services, over TLS with the pod's token. */
export interface ProxyCrowd extends AsyncDisposable {
  readonly proxies: readonly FakeProxy[];
  /** Bytes that all of them got so far. */
  readonly receivedBytes: () => number;
  /** Carries out a change; milliseconds from before it until the last proxy has a message with the resource. */
  readonly untilAll: (resource: string, change: () => Promise<void>) => Promise<number>;
  /** Adds proxies up to so many, and waits until all is quiet. */
  readonly grow: (count: number) => Promise<void>;
}

export interface CrowdOptions {
  readonly kubeconfig: string;
  readonly xdsPort: number;
  readonly services: number;
}

/** For one change to reach everybody. Milliseconds. */
const limit = 120_000;
/** Proxies that join at once. */
const atOnce = 16;
/** Without a message. Milliseconds. */
const quiet = 1_500;

export async function gatherCrowd({ kubeconfig, xdsPort, services }: CrowdOptions): Promise<ProxyCrowd> {
  const client = await createKubernetesClient(kubeconfig);
  const roots = await readData(client, { kind: "ConfigMap", namespace: localNamespace, name: "weft-roots" });
  const proxies: FakeProxy[] = [];
  const life = new AsyncDisposableStack();
  const join = async (index: number): Promise<void> => {
    const name = serviceName(index % services);
    const pod = await runPod(client, { namespace: "shop", name: `p${index}`, account: name, labels: { app: name } });
    const proxy = connectFakeProxy({
      open: openLeanAdsStream,
      port: xdsPort,
      roots: roots?.data["ca.crt"] ?? "",
      token: pod.token,
      serverName: `weft-gateway.${localNamespace}.svc`,
      nodeId: `shop/p${index}`,
    });
    life.use(proxy);
    proxies.push(proxy);
    await when(proxy, () => proxy.held.listener.size > services / 2);
  };
  const receivedBytes = (): number => proxies.reduce((sum, proxy) => sum + proxy.receivedBytes, 0);
  return {
    proxies,
    receivedBytes,
    async untilAll(resource, change) {
      const begun = performance.now();
      const arrivals = proxies.map(async (proxy) => {
        let seen = proxy.received.length;
        await when(proxy, () => {
          const news = proxy.received.slice(seen);
          seen = proxy.received.length;
          return news.some((names) => names.includes(resource));
        });
        return performance.now() - begun;
      });
      await change();
      return Math.max(...(await Promise.all(arrivals)));
    },
    async grow(count) {
      const joining = Array.from({ length: Math.max(0, count - proxies.length) }, (_, index) => proxies.length + index);
      await eachOf(joining, atOnce, join);
      for (let before = -1; before !== receivedBytes(); await pause(quiet)) before = receivedBytes();
    },
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  };
}

/** Looks after every message. Rejects when the stream ends, or too much time has passed. */
function when(proxy: FakeProxy, look: () => boolean): Promise<void> {
  if (look()) return Promise.resolve();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = (): void => {
    if (look()) resolve();
  };
  const timer = setTimeout(() => reject(new Error(`nothing came within ${limit} ms`)), limit);
  void proxy.ended.then(({ details }) => reject(new Error(`a proxy's stream ended: ${details}`)));
  proxy.events.on("change", check);
  return promise.finally(() => {
    clearTimeout(timer);
    proxy.events.off("change", check);
  });
}
