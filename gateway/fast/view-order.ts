import type { AccountKey, ClassKey } from "../../shared/core/mesh/mesh.ts";
import type { View } from "../../shared/core/stream/view.ts";
import { type ClassGroup, type Follower, type Reach, reachOf, type Told } from "./class-group.ts";
import { inboundPorts, keepInbound, losesPorts, sameInbound } from "./class-view.ts";
import { createHolds, type Holds } from "./view-holds.ts";
import { type ClassChange, planWaves } from "./waves.ts";

/**
 * Tells proxies their classes' views, in an order between streams (waves.ts). Nothing is held longer than the limit, whatever comes meanwhile; a change that
 * touches no inbound listener is told to everybody at once.
 */
export interface ViewOrder {
  /** All groups have the views of a new snapshot. */
  readonly serve: (groups: readonly ClassGroup[]) => void;
  /** A group has another view. */
  readonly tell: (group: ClassGroup) => void;
  /** A proxy has come into its group. */
  readonly tellOne: (follower: Follower) => void;
  readonly settled: (follower: Follower, generation: number) => void;
  /** A proxy, and with the last one its group, is gone. */
  readonly left: (follower: Follower, group: ClassGroup) => void;
}

export interface ViewOrderOptions {
  /** Milliseconds. */
  readonly limit: number;
  readonly nextGeneration: () => number;
}

export function createViewOrder(options: ViewOrderOptions): ViewOrder {
  /** Groups whose proxies wait with their whole view, and proxies that wait with the loss of chains. */
  const held = createHolds<ClassGroup>(options.limit);
  const losing = createHolds<Follower>(options.limit);
  const { tell, tellOne, tellLoss } = createTelling(options, { isHeld: held.has, losing, afterLoss: () => check() });

  const releaseView = (group: ClassGroup): void => {
    held.drop(group);
    tell(group);
  };
  /** Whoever has not acknowledged in time is not waited for again until it has. One that never acknowledged anything never was, and is not from now on. */
  const giveUp = (group: ClassGroup): void => {
    for (const awaited of held.awaited(group)) {
      for (const follower of awaited.followers) follower.taken &&= follower.told;
    }
    releaseView(group);
    check();
  };
  const isDone = (group: ClassGroup): boolean =>
    !held.has(group) && [...group.followers].every(({ told, taken }) => taken === undefined || taken === told);
  /** Telling may be answered at once, when not all of a snapshot's views are out yet. */
  let serving = false;
  const check = (): void => {
    if (serving || held.size() + losing.size() === 0) return;
    for (const group of held.ready(isDone)) releaseView(group);
    for (const follower of losing.ready(isDone)) tellLoss(follower);
  };
  return {
    serve(groups) {
      const byKey = new Map(groups.map((group) => [group.key, group]));
      const found = (keys: readonly ClassKey[] = []): readonly ClassGroup[] =>
        keys.flatMap((key) => byKey.get(key) ?? []);
      const waits = planWaves(changesOf(groups));
      for (const group of groups) {
        const awaits = found(waits.get(group.key)?.forView);
        if (awaits.length === 0) held.drop(group);
        else held.hold(group, { awaits, over: () => giveUp(group) });
      }
      serving = true;
      for (const group of groups) tell(group);
      serving = false;
      for (const follower of losing.keys()) {
        const key = follower.group?.key;
        losing.hold(follower, { awaits: found(key && waits.get(key)?.forChains) });
      }
      check();
    },
    tell,
    tellOne,
    settled(follower, generation) {
      if (follower.told?.view.generation !== generation) return;
      // What was acknowledged while chains are kept still has them: what it loses is measured against it.
      follower.taken = follower.told;
      check();
    },
    left(follower, group) {
      losing.drop(follower);
      if (group.followers.size === 0) held.drop(group);
      check();
    },
  };
}

/** Gives proxies the views of their groups, as far as these are not held. */
function createTelling(
  { nextGeneration }: ViewOrderOptions,
  order: {
    readonly isHeld: (group: ClassGroup) => boolean;
    readonly losing: Holds<Follower>;
    readonly afterLoss: () => void;
  },
) {
  const { losing } = order;
  const mixed = new WeakMap<View, Map<View, View>>();
  const mix = (from: View, to: View): View => {
    const known = mixed.get(to) ?? new Map<View, View>();
    mixed.set(to, known);
    const view = known.get(from) ?? keepInbound(from, to, nextGeneration());
    known.set(from, view);
    return view;
  };
  /** A loss that was told is not waited for again. */
  const tellLoss = (follower: Follower): void => {
    losing.drop(follower);
    const { group } = follower;
    if (group?.view === undefined) return;
    give(follower, toldBy(group, group.view));
    follower.taken = follower.told;
  };
  const overdue = (follower: Follower): void => {
    tellLoss(follower);
    order.afterLoss();
  };
  /** `all`: of its group. */
  const tellFollower = (follower: Follower, group: ClassGroup, all: Told): void => {
    const { taken } = follower;
    if (taken !== undefined && order.isHeld(group)) return;
    if (taken === undefined || !losesPorts(taken.view, all.view)) {
      losing.drop(follower);
      give(follower, all);
      return;
    }
    losing.hold(follower, { over: () => overdue(follower) });
    give(follower, toldBy(group, mix(taken.view, all.view)));
  };
  const tell = (group: ClassGroup): void => {
    if (group.view === undefined) return;
    const all = toldBy(group, group.view);
    for (const follower of group.followers) tellFollower(follower, group, all);
  };
  const tellOne = (follower: Follower): void => {
    const { group } = follower;
    if (group?.view !== undefined) tellFollower(follower, group, toldBy(group, group.view));
  };
  return { tell, tellOne, tellLoss };
}

function toldBy(group: ClassGroup, view: View): Told {
  return { view, reach: reachOf(group) };
}

function give(follower: Follower, told: Told): void {
  if (follower.told?.view === told.view) return;
  follower.told = told;
  follower.listener.view(told.view);
}

function isSame({ view, followers }: ClassGroup): boolean {
  return (
    view !== undefined && [...followers].every(({ taken }) => taken === undefined || sameInbound(taken.view, view))
  );
}

/** Empty when no inbound listener changes. */
function changesOf(groups: readonly ClassGroup[]): readonly ClassChange[] {
  const told = groups.filter(({ view, followers }) => view && [...followers].some(({ taken }) => taken !== undefined));
  return told.every(isSame) ? [] : told.flatMap(changeOf);
}

function changeOf(group: ClassGroup): readonly ClassChange[] {
  const { key, account, followers, view } = group;
  const taken = new Set([...followers].flatMap((follower) => follower.taken ?? []));
  if (view === undefined) return [];
  const ports = [...taken].map((one) => inboundPorts(one.view));
  const [first, ...rest] = ports;
  if (first === undefined) return [];
  return [
    {
      key,
      account,
      before: {
        ports: new Set(ports.flatMap((some) => [...some])),
        portsOfAll: new Set([...first].filter((port) => rest.every((some) => some.has(port)))),
        reaches: anyOf([...new Set([...taken].flatMap(({ reach }) => reach))]),
      },
      after: { ports: inboundPorts(view), reaches: anyOf(reachOf(group)) },
    },
  ];
}

function anyOf(sets: Reach): Pick<ReadonlySet<AccountKey>, "has"> {
  return { has: (account) => sets.some((set) => set.has(account)) };
}
