import { composeFunctions } from "../../functions/compose.ts";
import type { FunctionParts } from "../../functions/ports.ts";
import { readGatewayConfig } from "../../gateway/config.ts";
import type { GatewayParts } from "../../gateway/ports.ts";
import type { Envelope } from "../../shared/core/events/envelope.ts";
import type { MeshBuildSettings } from "../../shared/core/mesh/build-mesh.ts";
import type { HubSender } from "../../shared/ports/event-hub.ts";
import { joinCluster } from "../../shared/store/cluster-store.ts";
import type { Head } from "../../shared/store/documents.ts";
import { type Checker, createChecker } from "./checker.ts";
import { createDisks, type Disks } from "./disks.ts";
import { createEndpointChecker, type EndpointChecker } from "./endpoint-checker.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { startFunctionsProcess } from "./functions-process.ts";
import { type GatewayObserver, type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import { createSimulatedHub, type SimulatedHub } from "./hub.ts";
import { publisherKey, publisherPublicKey } from "./keys.ts";
import { createSimulatedKubernetes, type SimulatedKubernetes, type WrittenObject } from "./kubernetes.ts";
import type { Mutation } from "./mutation.ts";
import { createPerson, type Person } from "./person.ts";
import { createRandom, type Random } from "./random.ts";
import { createRestartChecker } from "./restart-checker.ts";
import { type SliceController, startSliceController } from "./slice-controller.ts";
import { createSimulatedStore, type SimulatedStore, type StoreWrite } from "./store.ts";
import type { Trace } from "./trace.ts";
import { startTruth, type Truth } from "./truth.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";
import { createWire, type Wire } from "./wire.ts";

/** A mesh of one cluster: everything that a history acts upon. */
export interface World {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly wire: Wire;
  readonly store: SimulatedStore;
  readonly kubernetes: SimulatedKubernetes;
  readonly events: SimulatedHub;
  readonly snapshots: SimulatedHub;
  readonly reports: SimulatedHub;
  readonly disks: Disks;
  readonly faults: { over: boolean };
  readonly truth: Truth;
  readonly checker: Checker;
  readonly person: Person;
  readonly fleet: Fleet;
  /** Those that run. */
  readonly gateways: Set<GatewayProcess>;
  readonly functions: Set<Actor>;
  readonly startGateway: () => void;
  /** Ends one on purpose. */
  readonly stopGateway: (gateway: GatewayProcess) => void;
  readonly startFunctions: () => void;
  /** Every message that a gateway ever sent to mesh-events. */
  readonly sent: Envelope[];
  /** Everything that waits for the process is never answered; what it sent is on its way. */
  readonly kill: (actor: Actor) => void;
  readonly head: () => Promise<Head | undefined>;
}

const mesh = "weft";
const cluster = "simulated";

export interface WorldOptions {
  readonly seed: number;
  readonly strict: boolean;
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly mutation: Mutation;
  readonly objects: readonly WrittenObject[];
}

export async function createWorld({ seed, strict, time, trace, mutation, objects }: WorldOptions): Promise<World> {
  const random = (purpose: string): Random => createRandom(seed, purpose);
  const wire = createWire({ time, random: random("wire"), trace });
  const hub = (name: string): SimulatedHub =>
    createSimulatedHub(name, { time, wire, random: random(name), whole: strict });
  const [events, snapshots, reports] = [hub("mesh-events"), hub("mesh-snapshots"), hub("mesh-reports")];
  const disks = createDisks({ time, wire, random: random("disks") });
  const late: { truth?: Truth; checker?: Checker; slices?: SliceController; endpoints?: EndpointChecker } = {};
  const onWrite = ({ container, operations }: StoreWrite): void => {
    for (const { document } of operations)
      if (container === "clusters" && document.id === "head") late.checker?.headWritten(document.body as Head);
  };
  const store = createSimulatedStore({ time, wire, onWrite });
  const onChange = (): void => {
    late.truth?.look();
    late.slices?.look();
    late.endpoints?.look();
  };
  const kubernetes = createSimulatedKubernetes({ time, wire, random: random("kubernetes"), onChange });
  const endpoints = createEndpointChecker(kubernetes.store);
  const slices = startSliceController({ store: kubernetes.store, time, random: random("slices") });
  Object.assign(late, { endpoints, slices });
  for (const object of objects) kubernetes.apply(object);
  await joinCluster(store.direct, cluster, { kid: publisherKey.kid, publicKey: publisherPublicKey });
  const configOf = (replica: string) => readGatewayConfig({ ...environment, POD_NAME: replica });
  const { network, durations } = configOf("any");
  const truth = await startTruth({ kubernetes, time, network: { ...network }, classLinger: durations.classLinger });
  const settings = new Map<number, MeshBuildSettings>([[0, { smiSemantics: "osm" }]]);
  const checker = createChecker({ truth, endpoints, settings, strict });
  checker.restored((await store.direct.get<Head>("clusters", cluster, "head"))?.body);
  Object.assign(late, { truth, checker });
  const restarts = createRestartChecker({
    time,
    truth,
    head: checker.head,
    isSteady: () => isSteady({ strict, wire, disks, store, time }),
    blame: checker.blame,
  });
  const gateways = new Set<GatewayProcess>();
  const functions = new Set<Actor>();
  const sent: Envelope[] = [];
  const observer: GatewayObserver = {
    ...checker,
    serving(actor, snapshot) {
      checker.serving(actor, snapshot);
      restarts.serving(actor, snapshot);
    },
  };
  let started = 0;
  const newActor = (kind: string): Actor => ({ name: `${kind}-${++started}`, alive: true });
  const note = (actor: Actor, message: string, details?: object): void =>
    trace.note(time.now(), `${actor.name}: ${message} ${details === undefined ? "" : JSON.stringify(details)}`);
  const functionParts = (actor: Actor): FunctionParts => ({
    mesh,
    documents: store.for(actor),
    snapshots: snapshots.sender(actor),
    now: () => new Date(),
    log: {
      info: (message, details) => note(actor, message, details),
      warn: (message, details) => note(actor, message, details),
    },
    clusterTimeLimit: 30_000,
  });
  const head = async (): Promise<Head | undefined> => (await store.direct.get<Head>("clusters", cluster, "head"))?.body;
  const user = newActor("person");
  const person = createPerson({
    actor: user,
    time,
    cluster,
    mesh,
    pins: composeFunctions(mutation.functions(functionParts(user))).pins,
    documents: store.direct,
    head,
    note: (what) => trace.note(time.now(), what),
    releasing: checker.releasing,
    settings,
  });
  const fleet = startFleet({
    time,
    random: random("proxies"),
    store: kubernetes.store,
    gateways,
    wire: mutation.proxy,
    blame: checker.blame,
  });
  return {
    time,
    trace,
    wire,
    store,
    kubernetes,
    events,
    snapshots,
    reports,
    disks,
    faults: { over: false },
    truth,
    checker,
    person,
    fleet,
    gateways,
    functions,
    sent,
    startGateway() {
      const actor = newActor("gateway");
      const disk = disks.take(actor);
      trace.note(time.now(), `${actor.name} starts as ${disk.name}`);
      const parts: GatewayParts = {
        client: kubernetes.client(actor),
        documents: store.for(actor),
        events: watched(events.sender(actor), (envelopes) => {
          sent.push(...envelopes);
          checker.published(actor, envelopes);
        }),
        reports: reports.sender(actor),
        openSnapshotTail: snapshots.tail(actor),
        log: {
          info: (details, message) => note(actor, message, details),
          warn: (details, message) => note(actor, message, details),
        },
      };
      const config = configOf(disk.name);
      const options = { actor, time, config, parts: mutation.gateway(parts), key: publisherKey };
      const starting = restarts.starting(actor, disk);
      const gateway = startGatewayProcess({ ...options, disk: mutation.disk(disk.for(actor)), observer });
      starting(gateway);
      if (actor.alive) gateways.add(gateway);
    },
    stopGateway(gateway) {
      gateways.delete(gateway);
      restarts.ending(gateway.actor);
      void gateway.stop().finally(() => disks.leave(gateway.actor));
    },
    startFunctions() {
      const actor = newActor("functions");
      functions.add(actor);
      const options = { actor, time, wire, events, reports, sweepInterval: 30_000, mutate: mutation.app };
      startFunctionsProcess({ ...options, parts: mutation.functions(functionParts(actor)) });
    },
    kill(actor) {
      actor.alive = false;
      restarts.ending(actor);
      disks.crash(actor);
      functions.delete(actor);
      for (const gateway of gateways) if (gateway.actor === actor) gateways.delete(gateway);
    },
    head,
  };
}

interface SteadyParts extends Pick<World, "wire" | "disks" | "store" | "time"> {
  readonly strict: boolean;
}

/** Nothing keeps gateways from keeping what they serve. */
function isSteady({ strict, wire, disks, store, time }: SteadyParts): boolean {
  const isCalm = strict && Object.values(wire.weather.store).every((share) => share === 0);
  const isFree = disks.weather.full === 0 && disks.weather.slow === 0;
  return isCalm && isFree && wire.awayUntil.store < time.now() && store.restoredAt() === 0;
}

/** Shorter than in a cluster where only patience would be lost. */
const environment = {
  WEFT_MESH: mesh,
  WEFT_CLUSTER: cluster,
  WEFT_SERVICE_CIDRS: "10.96.0.0/12",
  WEFT_CLASS_LINGER_MS: "10000",
  EventHubs: "simulated",
  Cosmos: "simulated",
};

function watched(sender: HubSender, sent: (envelopes: readonly Envelope[]) => void): HubSender {
  return {
    send(key, messages) {
      sent(messages as readonly Envelope[]);
      return sender.send(key, messages);
    },
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}
