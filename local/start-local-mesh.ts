import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createKubernetesClient, type KubernetesClient } from "../gateway/kubernetes/client.ts";
import { readData } from "../gateway/kubernetes/kept-data.ts";
import { nodeEnvironment, nodeFlags } from "../gateway/node-flags.ts";
import { createCosmosDocumentStore } from "../shared/adapters/azure/cosmos.ts";
import { buildBundles, gatewayProgram } from "../tools/build-bundles.ts";
import type { EnvoyBinary } from "./data-plane/envoy-binary.ts";
import { type ReservedNode, reserveNode } from "./data-plane/reserve-node.ts";
import { setUp } from "./data-plane/setup.ts";
import { applyGatewayService, type GatewayReplica } from "./gateway-service.ts";
import { joinLocalCluster } from "./join-cluster.ts";
import { localCluster, localMeshName, localNamespace } from "./names.ts";
import type { PartProcess } from "./part-process.ts";
import { createParts, type Parts } from "./parts.ts";
import { type MemoryMesh, type MemoryMeshOptions, startMemoryMesh } from "./start-memory-mesh.ts";
import { createStateFile } from "./state-file.ts";

export interface LocalMeshOptions {
  /** False: in one process over the memory adapters, see start-memory-mesh.ts. */
  readonly processes?: true;
  /** Where the parts keep their data; without it they keep it in memory. */
  readonly dir?: string;
  /** Without pods: control plane and dashboard only. */
  readonly pods: boolean;
  /** May missing packages be installed (root only)? */
  readonly install: boolean;
  /** Replicas of the gateway: the parts `gateway`, `gateway-1` and so on. One unless said. */
  readonly gateways?: number;
  /** Environment of the gateway: shorter durations for tests. */
  readonly gatewayEnv?: Readonly<Record<string, string>>;
  /** Envoy's --drain-time-s. */
  readonly drainSeconds?: number;
  /** What happens, for a person. */
  readonly say: (line: string) => void;
}

export interface LocalMesh extends AsyncDisposable {
  readonly client: KubernetesClient;
  readonly kubeconfig: string;
  readonly gatewayUrl: string;
  readonly functionsUrl: string;
  readonly cosmos: string;
  readonly hubs: string;
  /** Why there are no pods, if so. */
  readonly withoutPods: readonly string[] | undefined;
  readonly node: ReservedNode | undefined;
  readonly runDir: string;
  readonly parts: () => readonly PartProcess<unknown>[];
  /** Ends a part with SIGKILL. */
  readonly kill: (part: string) => Promise<void>;
  /** Ends a part in order, with SIGTERM; no new connection is led to a gateway that ends. */
  readonly stop: (part: string) => Promise<void>;
  /** Starts a part that is down again, at its address and with its data (`dir`). */
  readonly revive: (part: string) => Promise<void>;
  /** Rejects when a part ends by itself. */
  readonly lost: Promise<never>;
}

const root = resolve(import.meta.dirname, "..");
const readyLimit = 60_000;

/** The one way to start the whole system: for the person at the keyboard, for tests and for benches. */
export function startLocalMesh(options: LocalMeshOptions): Promise<LocalMesh>;
export function startLocalMesh(options: MemoryMeshOptions & { readonly processes: false }): Promise<MemoryMesh>;
export function startLocalMesh(
  options: LocalMeshOptions | (MemoryMeshOptions & { readonly processes: false }),
): Promise<LocalMesh | MemoryMesh> {
  return options.processes === false ? startMemoryMesh(options) : startProcesses(options);
}

/** Event Hubs, Cosmos DB, Kubernetes, the functions host, the gateway and the data plane: each a process, meeting only over sockets. */
async function startProcesses(options: LocalMeshOptions): Promise<LocalMesh> {
  await using life = new AsyncDisposableStack();
  const { say } = options;
  const runDir = await mkdtemp(join(tmpdir(), "weft-"));
  life.defer(() => rm(runDir, { recursive: true, force: true }));
  const { parts, lost } = createOwnParts(runDir);
  life.use(parts);
  const start = starter(options, parts);

  const [machine] = await Promise.all([readyMachine(options), buildBundles()]);
  const reservation = machine.envoy === undefined ? undefined : life.use(await reserveNode());
  const node = reservation?.node;
  say("starting Event Hubs, Cosmos DB and Kubernetes");
  const [hubs, cosmos, kubernetes] = await Promise.all([
    start<{ connectionString: string }>("event-hubs", { program: "local/event-hubs/main.ts" }),
    start<{ connectionString: string }>("cosmos", { program: "local/cosmos/main.ts" }),
    start<{ kubeconfig: string }>("kubernetes", {
      program: "local/kubernetes/main.ts",
      flags: kubernetesFlags(runDir, node),
    }),
  ]);
  const { kubeconfig } = kubernetes.ready;
  const client = await createKubernetesClient(kubeconfig);
  const documents = createCosmosDocumentStore({ connection: cosmos.ready, database: localMeshName });
  await joinLocalCluster({ client, documents, cluster: localCluster, namespace: localNamespace });

  say("starting the functions and the gateway");
  const cloud = {
    EventHubs: hubs.ready.connectionString,
    Cosmos: cosmos.ready.connectionString,
    WEFT_DATABASE: localMeshName,
    WEFT_MESH: localMeshName,
  };
  const listen = node?.gatewayAddress ?? "127.0.0.1";
  const gatewayDir = options.dir && (await partDir(options.dir, "gateway"));
  const startReplica = (number: number): Promise<PartProcess<GatewayReady>> =>
    parts.start<GatewayReady>(number === 0 ? "gateway" : `gateway-${number}`, (again) => ({
      args: [...nodeFlags, gatewayProgram],
      env: {
        ...inherited(),
        ...nodeEnvironment,
        ...cloud,
        ...gatewayEnvironment({ kubeconfig, listen, node, number, again, dir: gatewayDir }),
        ...options.gatewayEnv,
      },
    }));
  const [functions, gateway] = await Promise.all([
    start<{ address: string }>("functions-host", {
      program: "local/functions-host/main.ts",
      flags: ["--app", root],
      env: cloud,
    }),
    startReplica(0),
    ...Array.from({ length: (options.gateways ?? 1) - 1 }, (_, index) => startReplica(index + 1)),
  ]);
  const leadToGateways = (ending?: string): Promise<void> =>
    applyGatewayService(client, { namespace: localNamespace, replicas: gatewayReplicas(parts, ending) });
  await leadToGateways();
  if (node !== undefined && machine.envoy !== undefined) {
    say("starting the data plane");
    await startDataPlane(parts, { mesh: options, client, kubeconfig, runDir, node, envoy: machine.envoy });
  }
  const state = life.use(await createStateFile(parts.all));
  const running = life.move();
  return {
    client,
    kubeconfig,
    gatewayUrl: gateway.ready.admin,
    functionsUrl: functions.ready.address,
    cosmos: cosmos.ready.connectionString,
    hubs: hubs.ready.connectionString,
    withoutPods: machine.problems,
    node,
    runDir,
    parts: parts.all,
    ...createLives(parts, { leadToGateways, updateState: state.update }),
    lost,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function createOwnParts(runDir: string): { readonly parts: Parts; readonly lost: Promise<never> } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined); // whoever waits for it sees it; nobody has to
  const logFile = (name: string): string => join(runDir, `${name}.log`);
  return { parts: createParts({ logFile, readyLimit, lost: (why) => reject(new Error(why)) }), lost: promise };
}

interface DataPlaneOptions {
  readonly mesh: LocalMeshOptions;
  readonly client: KubernetesClient;
  readonly kubeconfig: string;
  readonly runDir: string;
  readonly node: ReservedNode;
  readonly envoy: EnvoyBinary;
}

async function startDataPlane(parts: Parts, options: DataPlaneOptions): Promise<void> {
  const { mesh, client, kubeconfig, runDir, node, envoy } = options;
  const roots = await readData(client, { kind: "ConfigMap", namespace: localNamespace, name: "weft-roots" });
  const config = join(runDir, "data-plane.json");
  await writeFile(
    config,
    JSON.stringify({
      kubeconfig,
      node,
      envoyBinary: envoy,
      xds: {
        host: `weft-gateway.${localNamespace}.svc.cluster.local`,
        port: 15128,
        serverName: `weft-gateway.${localNamespace}.svc`,
        rootCertificatesPem: roots?.data["ca.crt"] ?? "",
      },
      logDir: join(runDir, "pods"),
      parentPid: process.pid,
      settings: { drainSeconds: mesh.drainSeconds ?? 30, workingDir: root },
    }),
  );
  await parts.start("data-plane", () => ({
    args: [join(root, "local/data-plane/main.ts"), "--config", config, "--output", "json"],
    env: inherited(),
  }));
}

/** Ends and restarts of single parts. */
function createLives(
  parts: Parts,
  {
    leadToGateways,
    updateState,
  }: { leadToGateways: (ending?: string) => Promise<void>; updateState: () => Promise<void> },
): Pick<LocalMesh, "kill" | "stop" | "revive"> {
  return {
    kill: parts.kill,
    async stop(part) {
      if (isGateway(part)) await leadToGateways(part);
      await parts.stop(part);
    },
    async revive(part) {
      await parts.revive(part);
      if (isGateway(part)) await leadToGateways();
      await updateState();
    },
  };
}

const isGateway = (part: string): boolean => part === "gateway" || part.startsWith("gateway-");

function gatewayReplicas(parts: Parts, ending: string | undefined): readonly GatewayReplica[] {
  return parts
    .all()
    .filter(({ name }) => isGateway(name))
    .map(({ name, ready, running }) => {
      const { xds } = ready as GatewayReady;
      const colon = xds.lastIndexOf(":");
      const port = Number(xds.slice(colon + 1));
      return { name, address: xds.slice(0, colon), port, ready: running && name !== ending };
    });
}

interface GatewayReady {
  readonly xds: string;
  readonly admin: string;
}

interface StandIn {
  readonly program: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the programs that stand in for the cloud and the cluster: they share their flags, and keep their data if there is a folder for it. */
function starter({ dir }: LocalMeshOptions, parts: Parts) {
  return async <Ready>(name: string, { program, flags = [], env = {} }: StandIn): Promise<PartProcess<Ready>> => {
    const data = dir === undefined ? [] : ["--dir", await partDir(dir, name)];
    return parts.start<Ready & { readonly address: string }>(name, (again) => ({
      args: [join(root, program), ...flags, "--port", portOf(again?.address), ...data, "--output", "json"],
      env: { ...inherited(), ...env },
    }));
  };
}

function inherited(): Readonly<Record<string, string | undefined>> {
  return { PATH: process.env["PATH"], HOME: process.env["HOME"] };
}

/** Any free one, unless the part had one before. */
function portOf(address: string | undefined): string {
  return address === undefined ? "0" : address.slice(address.lastIndexOf(":") + 1).replace("/", "");
}

async function partDir(dir: string, part: string): Promise<string> {
  const path = resolve(dir, part);
  await mkdir(path, { recursive: true });
  return path;
}

async function readyMachine({
  pods,
  install,
  say,
}: LocalMeshOptions): Promise<{ readonly envoy?: EnvoyBinary; readonly problems: readonly string[] | undefined }> {
  if (!pods) return { problems: ["pods were not asked for"] };
  const result = await setUp({ environment: process.env, install, report: say });
  return result.ok ? { envoy: result.envoy, problems: undefined } : { problems: result.problems };
}

function kubernetesFlags(runDir: string, node: ReservedNode | undefined): readonly string[] {
  const cidr = node === undefined ? [] : ["--service-cidr", node.serviceCidr];
  return ["--crds", join(root, "infra/kubernetes/crds"), "--kubeconfig", join(runDir, "kubeconfig"), ...cidr];
}

function gatewayEnvironment({
  kubeconfig,
  listen,
  node,
  number,
  again,
  dir,
}: {
  readonly kubeconfig: string;
  readonly listen: string;
  readonly node: ReservedNode | undefined;
  readonly number: number;
  readonly again: GatewayReady | undefined;
  /** Of the first replica. */
  readonly dir: string | undefined;
}): Readonly<Record<string, string>> {
  return {
    KUBECONFIG: kubeconfig,
    POD_NAME: `weft-gateway-${number}`,
    WEFT_CLUSTER: localCluster,
    WEFT_NAMESPACE: localNamespace,
    WEFT_XDS_ADDRESS: `${listen}:0`,
    WEFT_ADMIN_ADDRESS: "127.0.0.1:0",
    WEFT_CONSUMER_GROUP: "gateway",
    WEFT_SERVICE_CIDRS: node?.serviceCidr ?? "10.128.0.0/16",
    WEFT_POD_CIDRS: node?.podCidr ?? "",
    ...(again && { WEFT_XDS_ADDRESS: again.xds, WEFT_ADMIN_ADDRESS: new URL(again.admin).host }),
    ...(dir !== undefined && number === 0 && { WEFT_STATE_DIR: dir }),
  };
}
