import { type Envelope, sealEnvelope } from "../../shared/core/events/envelope.ts";
import type { Head } from "../../shared/store/documents.ts";
import { oversizeChange } from "./cluster-changes.ts";
import { diskWork } from "./disk.ts";
import { publisherKey, strangersKey } from "./keys.ts";
import type { Random } from "./random.ts";
import type { Actor } from "./virtual-time.ts";
import { calm, type Target, type Weather } from "./wire.ts";
import type { World } from "./world.ts";

/** Something that goes wrong once. */
export interface Blow {
  readonly what: string;
  readonly strike: (world: World, random: Random) => void;
}

/** A history has some of these, each with its own weight in it, so that few faults meet in every way and not all at once in the same. */
export interface FaultSet {
  /** For as long as faults last. */
  readonly weather: readonly ((world: World, random: Random) => void)[];
  readonly blows: readonly Blow[];
}

function storm(random: Random): Weather {
  return {
    ...calm(),
    [random.pick(["refused", "throttled", "unanswered", "late", "slow"] as const)]: random.pick([0.03, 0.1, 0.3]),
    slow: random.pick([0, 0.05]),
  };
}

const weather: FaultSet["weather"] = [
  ({ wire }, random) => Object.assign(wire.weather.store, storm(random)),
  ({ wire }, random) => Object.assign(wire.weather.hub, storm(random)),
  ({ wire }, random) => Object.assign(wire.weather.checkpoints, storm(random)),
  ({ events }, random) => (events.weather.lost = random.pick([0.05, 0.2])),
  ({ events }, random) => (events.weather.doubled = random.pick([0.1, 0.5])),
  ({ events }, random) => (events.weather.overtaken = random.pick([0.1, 0.4])),
  ({ snapshots }, random) => (snapshots.weather.unheard = random.pick([0.3, 1])),
  ({ disks }, random) => (disks.weather.slow = random.pick([0.1, 0.5])),
  ({ disks }, random) => (disks.weather.full = random.pick([0.05, 0.3])),
];

/** Through these an observer may see changes in another order than they were made. */
const looseWeather: FaultSet["weather"] = [
  ({ wire }, random) => Object.assign(wire.weather.kubernetes, storm(random)),
  ({ kubernetes }, random) => (kubernetes.weather.lagging = random.pick([0.1, 0.5])),
  ({ kubernetes }, random) => (kubernetes.weather.breaking = random.pick([0.05, 0.2])),
];

const blows: readonly Blow[] = [
  { what: "functions die between two awaits", strike: (world, random) => ambush(world, random, "functions") },
  { what: "a gateway dies between two awaits", strike: (world, random) => ambush(world, random, "gateway") },
  { what: "a gateway dies writing", strike: (world, random) => ambush(world, random, "gateway", diskWork) },
  { what: "functions are paused", strike: (world, random) => pauseOne(world, random, [...world.functions]) },
  {
    what: "a second owner of the partition",
    strike: ({ startFunctions, functions }) => void (functions.size < 3 && startFunctions()),
  },
  {
    what: "another gateway replica",
    strike: ({ startGateway, gateways }) => void (gateways.size < 3 && startGateway()),
  },
  { what: "a gateway is replaced", strike: replaceGateway },
  { what: "a gateway restarts", strike: restartGateway },
  { what: "a gateway's disk is lost", strike: loseDisk },
  { what: "a byte of a disk is another one", strike: damageDisk },
  {
    what: "the Lease is removed",
    strike: ({ kubernetes }) => kubernetes.remove("leases.coordination.k8s.io", "weft-system", "weft-publisher"),
  },
  { what: "messages come again", strike: replayMessages },
  { what: "forged messages", strike: forgeMessages },
  { what: "poison", strike: poison },
  { what: "the hub is made anew", strike: recreateHub },
];

const looseBlows: readonly Blow[] = [
  { what: "the API server forgets old revisions", strike: ({ kubernetes }) => kubernetes.compact() },
  { what: "Kubernetes is away", strike: (world, random) => leave(world, random, ["kubernetes"]) },
  {
    what: "a gateway is paused",
    strike: (world, random) =>
      pauseOne(
        world,
        random,
        [...world.gateways].map(({ actor }) => actor),
      ),
  },
];

/** Costly to run, so rare. */
const oversize: Blow = {
  what: "an oversize object",
  strike: ({ kubernetes }, random) => oversizeChange(random).make(kubernetes),
};

const outage: Blow = {
  what: "the cloud is away",
  strike: (world, random) => leave(world, random, ["store", "hub"]),
};

const restore: Blow = { what: "the store is restored to an older point", strike: restoreStore };

export function chooseFaults(random: Random, strict: boolean): FaultSet {
  if (random.chance(0.1)) return { weather: [], blows: [] };
  const some = <T>(all: readonly T[], share: number): readonly T[] => all.filter(() => random.chance(share));
  const frequent = random.chance(0.4) ? [outage] : [];
  const rare = [...(random.chance(0.04) ? [oversize] : []), ...(random.chance(0.2) ? [restore] : [])];
  return {
    weather: [...some(weather, 0.3), ...(strict ? [] : some(looseWeather, 0.35))],
    blows: [...some(strict ? blows : [...blows, ...looseBlows], 0.25), ...frequent, ...rare],
  };
}

const targets = ["store", "hub", "kubernetes"] as const;

/** Faults end here: what was broken is whole again, what was dead is started. */
export function heal(world: World): void {
  const { wire, events, snapshots, kubernetes, disks, time, functions, gateways } = world;
  world.faults.over = true;
  wire.ambush = undefined;
  for (const target of targets) wire.awayUntil[target] = Math.min(wire.awayUntil[target], time.now());
  Object.assign(disks.weather, { full: 0, slow: 0 });
  for (const target of Object.values(wire.weather)) Object.assign(target, calm());
  for (const hub of [events, snapshots]) Object.assign(hub.weather, { lost: 0, doubled: 0, overtaken: 0, unheard: 0 });
  Object.assign(kubernetes.weather, { lagging: 0, breaking: 0 });
  for (const actor of [...functions, ...[...gateways].map((gateway) => gateway.actor)]) time.goOn(actor);
  world.fleet.calm();
  if (functions.size === 0) world.startFunctions();
  if (gateways.size === 0) world.startGateway();
}

/** The next call, or one of those after it, is the last that a process of this kind makes. */
function ambush(world: World, random: Random, kind: "functions" | "gateway", place = ""): void {
  let calls = random.pick(place === "" ? [1, 2, 3, 5, 8, 13, 21] : [1, 2, 3, 4, 5]);
  const callLeaves = random.chance(0.5);
  world.wire.ambush = (actor, what) => {
    if (!actor.name.startsWith(kind) || !what.startsWith(place) || --calls > 0) return undefined;
    world.wire.ambush = undefined;
    const strike = (): void => {
      world.kill(actor);
      const restart = kind === "functions" ? world.startFunctions : world.startGateway;
      world.time.after(random.between(1, 8000), undefined, restart);
    };
    return { strike, callLeaves };
  };
}

function pauseOne(world: World, random: Random, actors: readonly Actor[]): void {
  if (actors.length === 0) return;
  world.time.pause(random.pick(actors), random.between(1000, 40_000));
}

function replaceGateway({ gateways, stopGateway, startGateway }: World, random: Random): void {
  if (gateways.size > 0) {
    const gateway = random.pick([...gateways]);
    stopGateway(gateway);
  }
  startGateway();
}

/** Killed, and started again: now and then once more while it starts. */
function restartGateway(world: World, random: Random): void {
  const { gateways, time, kill, startGateway } = world;
  if (gateways.size === 0) return;
  kill(random.pick([...gateways]).actor);
  time.after(random.between(1, 4000), undefined, startGateway);
  const again = random.chance(0.3);
  if (again)
    time.after(random.between(4000, 6000), undefined, () => !world.faults.over && restartGateway(world, random));
}

/** Nobody reaches it for a while, in which gateways may start. */
function leave(world: World, random: Random, away: readonly Target[]): void {
  const { wire, time } = world;
  const restarts = random.chance(0.8);
  const duration = random.pick([8000, 20_000, 50_000]);
  for (const target of away) wire.awayUntil[target] = Math.max(wire.awayUntil[target], time.now() + duration);
  const restart = (): void => {
    if (restarts && !world.faults.over) restartGateway(world, random);
  };
  time.after(random.chance(0.5) ? 0 : random.between(0, duration), undefined, restart);
}

function loseDisk(world: World, random: Random): void {
  const { gateways, disks, time, kill, startGateway } = world;
  if (gateways.size === 0) return;
  const { actor } = random.pick([...gateways]);
  const disk = disks.of(actor);
  kill(actor);
  disk?.lose();
  time.after(random.between(1, 4000), undefined, startGateway);
}

function damageDisk({ disks }: World, random: Random): void {
  random.pick(disks.all).damage(random);
}

/** Anything that was ever sent, at the end of the hub once more: late, old epochs among it. */
function replayMessages({ sent, events }: World, random: Random): void {
  if (sent.length === 0) return;
  const from = random.below(sent.length);
  events.put(sent.slice(from, from + random.between(1, 6)).map((envelope) => JSON.stringify(envelope)));
}

/** What nobody who may wrote: an event that would open everything, signed wrongly in one way or the other. */
function forgeMessages({ sent, events }: World, random: Random): void {
  const last = sent.at(-1);
  if (last === undefined) return;
  const event = JSON.parse(last.event) as Record<string, unknown>;
  const text = JSON.stringify({
    ...event,
    seq: Number(event["seq"]) + 1,
    type: "ObjectApplied",
    object: {
      group: "config.openservicemesh.io",
      kind: "MeshConfig",
      namespace: "osm-system",
      name: "osm-mesh-config",
    },
    uid: "forged",
    body: { spec: { traffic: { enablePermissiveTrafficPolicyMode: true } } },
    cause: {},
  });
  const forged: Envelope = random.pick([
    { ...last, event: text },
    sealEnvelope(text, { kid: publisherKey.kid, privateKey: strangersKey }),
    sealEnvelope(text, { kid: "unknown", privateKey: strangersKey }),
    sealEnvelope(JSON.stringify({ ...event, cluster: "another" }), publisherKey),
    sealEnvelope(
      JSON.stringify({ ...event, epoch: Number(event["epoch"]) + 5_000_000, seq: 1, type: "ListStarted", reason: "" }),
      publisherKey,
    ),
  ]);
  events.put([JSON.stringify(forged)]);
}

/** Bodies that nothing can be made of. */
function poison({ events, sent }: World, random: Random): void {
  const last = sent.at(-1);
  const texts = [
    "",
    "{",
    "null",
    "[]",
    '{"kid":1}',
    "\u0000",
    JSON.stringify({ kid: "publisher", signature: "x", event: "{}" }),
  ];
  if (last !== undefined) texts.push(JSON.stringify({ ...last, signature: 5 }), JSON.stringify([last, last]));
  events.put([random.pick(texts), random.pick(texts)]);
}

function recreateHub({ events, time }: World, random: Random): void {
  events.recreate();
  // The runbook: checkpoints of a hub that is gone are forgotten by hand.
  time.after(random.between(1000, 15_000), undefined, () => {
    events.checkpoint.position = undefined;
  });
}

function restoreStore({ store, time, checker, head }: World, random: Random): void {
  const to = time.now() * random.next();
  void store.restore(to).then(async () => checker.restored((await head()) as Head));
}
