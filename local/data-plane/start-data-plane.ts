/** Pods as processes on this machine: the parts of a node, wired (README.md says what is emulated how). */

import { mkdir } from "node:fs/promises";
import { createKubernetesClient } from "../../gateway/kubernetes/client.ts";
import type { Collection } from "../../gateway/kubernetes/list-watch.ts";
import { startClusterDns } from "./cluster-dns.ts";
import { buildDnsZone, type DnsZone, resolveName } from "./dns-zone.ts";
import { type EnvoyBinary, publishEnvoy } from "./envoy-binary.ts";
import { startKubeProxy } from "./kube-proxy.ts";
import { startKubelet } from "./kubelet.ts";
import type { EndpointSlice, KubernetesObject, Pod, Service } from "./kubernetes-objects.ts";
import { type ObjectCache, startObjectCache } from "./object-cache.ts";
import type { PodContext, ProxyDescription } from "./pod-context.ts";
import { createAddressPool } from "./pod-network.ts";
import { registerNode } from "./register-node.ts";
import { joinNode, type ReservedNode } from "./reserve-node.ts";
import { type DataPlaneSettings, DEFAULT_SETTINGS } from "./settings.ts";

export interface DataPlaneOptions {
  /** Path of a kubeconfig whose current context may do what a kubelet, scheduler and kube-proxy do. */
  readonly kubeconfig: string;
  /** From `reserveNode()`, perhaps of another process, which also gives it back. */
  readonly node: ReservedNode;
  /** From `setUp()`; absent: pods with a sidecar do not start and say why. */
  readonly envoyBinary?: EnvoyBinary;
  /** What each sidecar is told: its name and where the gateway is. */
  readonly bootstrap: (pod: Pod) => ProxyDescription;
  /** Directory for the pods' files; every user must be able to reach it. Default: the node's own. */
  readonly runDir?: string;
  /** Directory for the containers' output, kept after the end. Default: `logs` in `runDir`, removed with the node. */
  readonly logDir?: string;
  readonly settings?: Partial<DataPlaneSettings>;
  /** Gets a line for a person whenever something does not go as it should. */
  readonly report: (line: string) => void;
}

export interface DataPlane extends AsyncDisposable {
  /** The node's address on the link. */
  readonly address: string;
  readonly logDir: string;
}

/** Resolves when names, Service addresses and pods are looked after. Disposing ends all pods and removes what it made. */
export async function startDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { node, report, runDir = node.runDir, logDir = `${runDir}/logs` } = options;
  const settings = { ...DEFAULT_SETTINGS, workingDir: process.cwd(), ...options.settings };
  await using building = new AsyncDisposableStack();
  await joinNode(node.runDir);
  await mkdir(logDir, { recursive: true, mode: 0o755 });
  const client = await createKubernetesClient(options.kubeconfig);
  await registerNode({ client, node, settings, report });

  const listen = <T extends KubernetesObject>(
    collection: Collection,
    onChange: (object: T, gone: boolean) => void,
  ): ObjectCache<T> => building.use(startObjectCache<T>({ client, collection, onChange, report }));
  const changes = { network: (): void => {}, pod: (_pod: Pod, _gone: boolean): void => {} };
  const onNetworkChange = (): void => changes.network();
  const services = listen<Service>(core("services", "Service"), onNetworkChange);
  const slices = listen<EndpointSlice>(sliceCollection, onNetworkChange);
  const namespaces = listen<KubernetesObject>(core("namespaces", "Namespace"), () => {});
  await Promise.all([services.synced, slices.synced, namespaces.synced]);

  let zone: DnsZone | undefined;
  const dns = building.use(
    await startClusterDns(node.gatewayAddress, (name) => {
      zone ??= buildDnsZone(services.objects.values(), slices.objects.values());
      return resolveName(zone, name);
    }),
  );
  const kubeProxy = building.use(
    startKubeProxy({
      node,
      services: services.objects,
      slices: slices.objects,
      dnsTarget: `${node.gatewayAddress}:${dns.port}`,
      report,
    }),
  );
  changes.network = () => {
    zone = undefined;
    kubeProxy.changed();
  };
  await kubeProxy.load();

  const stop = new AbortController();
  const context: PodContext = {
    node,
    runDir,
    logDir,
    client,
    settings,
    proxy: await proxyOf(options),
    addresses: createAddressPool(node),
    report,
    signal: stop.signal,
  };
  const kubelet = building.use(startKubelet({ context, namespaces: namespaces.objects }));
  const pods = listen<Pod>(core("pods", "Pod"), kubelet.podChanged);
  await pods.synced;
  const standing = building.move();
  return {
    address: node.nodeAddress,
    logDir,
    [Symbol.asyncDispose]: () => {
      stop.abort();
      return standing.disposeAsync();
    },
  };
}

const sliceCollection: Collection = {
  group: "discovery.k8s.io",
  version: "v1",
  plural: "endpointslices",
  kind: "EndpointSlice",
};

function core(plural: string, kind: string): Collection {
  return { group: "", version: "v1", plural, kind };
}

async function proxyOf({ envoyBinary, bootstrap }: DataPlaneOptions): Promise<PodContext["proxy"]> {
  if (envoyBinary === undefined) return undefined;
  return { path: await publishEnvoy(envoyBinary), describe: bootstrap };
}
