import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { composeFunctions, type FunctionsApp } from "../functions/compose.ts";
import { type Gateway, startGateway } from "../gateway/compose.ts";
import { readGatewayConfig } from "../gateway/config.ts";
import { createKubernetesClient, type KubernetesCall, type KubernetesClient } from "../gateway/kubernetes/client.ts";
import { readData } from "../gateway/kubernetes/kept-data.ts";
import type { GatewayLog } from "../gateway/log.ts";
import { createMemoryDocumentStore } from "../shared/adapters/memory/document-store.ts";
import { createMemoryHub, type MemoryHub } from "../shared/adapters/memory/event-hub.ts";
import type { DocumentStore } from "../shared/ports/document-store.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { joinLocalCluster } from "./join-cluster.ts";
import { startKubernetes } from "./kubernetes/start-kubernetes.ts";
import { localCluster, localMeshName, localNamespace } from "./names.ts";

export interface MemoryMesh extends AsyncDisposable {
  readonly client: KubernetesClient;
  readonly documents: DocumentStore;
  readonly functions: FunctionsApp;
  readonly gatewayUrl: string;
  readonly xdsPort: number;
  /** PEM of the mesh's roots. */
  readonly roots: string;
  /** No function gets an event until this is disposed of; the hub keeps them. */
  stallFunctions(): Disposable;
  /** The gateway reaches neither documents nor hubs until this is disposed of. */
  cutCloud(): Disposable;
  /** Kubernetes answers neither lists nor watches of the gateway until this is disposed of. */
  cutLists(): Disposable;
  /** Ends the gateway and starts another one, on other ports. */
  restartGateway(): Promise<void>;
  /** Another replica of the gateway, which ends before the mesh does. */
  startReplica(name: string): Promise<Gateway>;
}

export interface MemoryMeshOptions {
  /** Environment of the gateway, as of the real one: shorter durations. */
  readonly gatewayEnv?: Readonly<Record<string, string>>;
  readonly log?: GatewayLog;
}

const crds = join(import.meta.dirname, "../infra/kubernetes/crds");
const silent: GatewayLog = { info: () => undefined, warn: () => undefined };

/** Functions and gateway composed over the memory adapters, in this process; Kubernetes is the stand-in, spoken to over its socket. */
export async function startMemoryMesh(options: MemoryMeshOptions = {}): Promise<MemoryMesh> {
  await using life = new AsyncDisposableStack();
  const log = options.log ?? silent;
  const runDir = await mkdtemp(join(tmpdir(), "weft-memory-"));
  life.defer(() => rm(runDir, { recursive: true, force: true }));
  const kubernetes = life.use(await startKubernetes({ crds }));
  const kubeconfig = join(runDir, "kubeconfig");
  await writeFile(kubeconfig, kubernetes.kubeconfig, { mode: 0o600 });
  const client = await createKubernetesClient(kubeconfig);
  const documents = createMemoryDocumentStore();
  await joinLocalCluster({ client, documents, cluster: localCluster, namespace: localNamespace });

  const [events, snapshots, reports] = [createMemoryHub(), createMemoryHub(), createMemoryHub()];
  const functions = memoryFunctions(documents, snapshots, log);
  let stalled = Promise.resolve();
  events.onBatch(async (messages) => {
    await stalled;
    await functions.ingestEvents(messages);
  });
  reports.onBatch(functions.recordReports);
  const config = readGatewayConfig({
    KUBECONFIG: kubeconfig,
    POD_NAME: "weft-gateway-0",
    WEFT_CLUSTER: localCluster,
    WEFT_XDS_ADDRESS: "127.0.0.1:0",
    WEFT_ADMIN_ADDRESS: "127.0.0.1:0",
    WEFT_SERVICE_CIDRS: "10.128.0.0/16",
    // Nothing is reached by these in memory, but the config asks for them.
    EventHubs: "memory",
    Cosmos: "memory",
    ...options.gatewayEnv,
  });
  const [cloud, lists] = [{ away: false }, { away: false }];
  const parts = {
    client: withoutLists(client, lists),
    documents: severable(documents, cloud),
    events: severable(events.sender, cloud),
    reports: severable(reports.sender, cloud),
    openSnapshotTail: snapshots.openTail,
    log,
  };
  let gateway = await startGateway(config, parts);
  life.defer(() => gateway[Symbol.asyncDispose]());
  const roots = await readData(client, { kind: "ConfigMap", namespace: localNamespace, name: "weft-roots" });
  const running = life.move();
  return {
    client,
    documents,
    functions,
    get gatewayUrl() {
      return `http://127.0.0.1:${gateway.adminPort}`;
    },
    get xdsPort() {
      return gateway.xdsPort;
    },
    roots: roots?.data["ca.crt"] ?? "",
    stallFunctions() {
      const { promise, resolve } = Promise.withResolvers<void>();
      stalled = promise;
      return { [Symbol.dispose]: resolve };
    },
    cutCloud: () => cut(cloud),
    cutLists: () => cut(lists),
    async restartGateway() {
      await gateway[Symbol.asyncDispose]();
      gateway = await startGateway(config, parts);
    },
    startReplica: (replica) => startGateway({ ...config, replica }, parts),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function memoryFunctions(documents: DocumentStore, snapshots: MemoryHub, log: GatewayLog): FunctionsApp {
  return composeFunctions({
    mesh: localMeshName,
    documents,
    snapshots: snapshots.sender,
    now: () => new Date(),
    log: {
      info: (message, details) => log.info(details ?? {}, message),
      warn: (message, details) => log.warn(details ?? {}, message),
    },
    clusterTimeLimit: 30_000,
  });
}

interface Cut {
  away: boolean;
}

function cut(what: Cut): Disposable {
  Object.assign(what, { away: true });
  return { [Symbol.dispose]: () => void Object.assign(what, { away: false }) };
}

function isList({ path, method = "GET" }: KubernetesCall): boolean {
  return method === "GET" && /^\/apis?(\/[^/]+){1,2}\/[a-z]+$/.test(path);
}

function withoutLists(client: KubernetesClient, lists: Cut): KubernetesClient {
  const refuse = (path: string): Promise<never> | undefined =>
    lists.away ? Promise.reject(new MeshError("unavailable", `Kubernetes does not answer ${path}`)) : undefined;
  return {
    ...client,
    call: (call) => (isList(call) && refuse(call.path)) || client.call(call),
    watch: (path, signal, line) => refuse(path) ?? client.watch(path, signal, line),
  };
}

/** As it is, but while the cloud is away every call is refused as the network does it. */
function severable<Port extends object>(port: Port, cloud: Cut): Port {
  const wrapped = Object.entries(port).map(([name, call]: [string, (...args: readonly unknown[]) => unknown]) => [
    name,
    (...args: readonly unknown[]) =>
      cloud.away ? Promise.reject(new MeshError("unavailable", "the cloud is away")) : call(...args),
  ]);
  return { ...port, ...(Object.fromEntries(wrapped) as Port) };
}
