import type { Problem } from "../../shared/core/mesh/problem.ts";
import { pause } from "../../shared/shell/pause.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import type { BlockStore } from "../../shared/store/block-store.ts";
import type { GatewayConfig } from "../config.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { SnapshotKeeper } from "../follow/snapshot-keeper.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { FaultsOf, GatewayParts } from "../ports.ts";
import { createFactQueue } from "../publish/fact-queue.ts";
import { publisherLease } from "../publish/lease.ts";
import type { FactQueue } from "../publish/publisher.ts";
import type { LeaseWatch } from "../replicas/lease-watch.ts";
import { createModeDeclaration, type ModeDeclaration } from "./declare-mode.ts";
import { createLocalGuard, type LocalGuard, type LocalHold } from "./local-guard.ts";
import type { ModeNote } from "./mode-note.ts";
import { startModeWatch } from "./mode-watch.ts";
import { releaseAnnotation } from "./release-annotation.ts";
import { createServedSource, type ServedSource } from "./served-source.ts";

/** A gateway that outlives its cloud: what is in force, and whether the gateway decides that itself. */
export interface Autonomy extends AsyncDisposable {
  readonly source: ServedSource;
  readonly declaration: ModeDeclaration;
  /** What was served locally, for the publisher to tell. */
  readonly facts: FactQueue;
  readonly note: () => ModeNote | undefined;
  /** Resolves when it is known what the publisher says of the mode and what was served before, or Kubernetes does not answer for too long. */
  readonly begun: Promise<void>;
}

export interface AutonomyParts {
  readonly leases: LeaseWatch;
  readonly objects: ClusterObjects;
  /** States that are held in memory, or kept, are read from here. */
  readonly blocks: Pick<BlockStore, "loadTrie">;
  readonly keeper: SnapshotKeeper;
  readonly log: GatewayParts["log"];
  readonly faults: FaultsOf;
  readonly serve: (snapshot: ServedSnapshot) => void;
  readonly problems: (problems: readonly Problem[]) => void;
  /** What the guard holds here has changed. */
  readonly held: (hold: LocalHold | undefined) => void;
}

export function startAutonomy(config: GatewayConfig, parts: AutonomyParts): Autonomy {
  const { leases, objects, blocks, keeper, log, faults } = parts;
  const facts = createFactQueue();
  const watch = startModeWatch({
    leases,
    lease: publisherLease,
    onNote() {
      log.info({ ...watch.note() }, "mode");
      source.look();
    },
  });
  const guard = createLocalGuard();
  const source = createServedSource({
    note: watch.note,
    isNoted: watch.isKnown,
    head: keeper.head,
    objects: objects.objects,
    settingsFor: keeper.settingsFor,
    stateOf: (root) => blocks.loadTrie(root, objects.objects()),
    guard,
    released: () => leases.lease(publisherLease)?.annotations[releaseAnnotation],
    onHold(hold) {
      log.info({ ...hold }, hold === undefined ? "nothing is held" : "held");
      parts.held(hold);
    },
    serve: parts.serve,
    keepLocal: keeper.keepLocal,
    problems: parts.problems,
    onServedLocally(fact) {
      log.info({ ...fact }, "served locally");
      if (declaration.leads()) facts.add(fact); // all replicas serve the same; one tells
    },
    clock: systemClock,
    fault: faults("autonomous"),
  });
  const onObjects = (listener: () => void): Disposable =>
    objects.onChange((change) => change.kind === "objects" && listener());
  const declaration = createModeDeclaration({
    own: () => objects.objects().root,
    onChange: onObjects,
    settings: { patience: config.durations.autonomousAfter, recovery: config.durations.autonomousRecovery },
    clock: systemClock,
    head: keeper.head,
    note: watch.note,
    fault: faults("mode"),
  });
  const stopGuarding = guardPicture(guard, objects);
  const stopLooking = onObjects(source.look);
  const stopHearing = leases.onChange((name) => name === publisherLease && source.look());
  void watch.known.then(source.look);
  const stop = new AbortController();
  const begin = async (): Promise<void> => {
    const local = await keeper.lastLocal();
    if (local !== undefined) source.restore(local);
    await Promise.race([watch.known, pause(config.durations.kubernetesPatience, stop.signal)]);
    stop.abort();
  };
  return {
    source,
    declaration,
    facts,
    note: watch.note,
    begun: begin(),
    async [Symbol.asyncDispose]() {
      for (const end of [stopHearing, stopLooking, stopGuarding]) end[Symbol.dispose]();
      source[Symbol.dispose]();
      watch[Symbol.dispose]();
    },
  };
}

/** A deletion that a watch told has left a note; what a list lacks has none. */
function guardPicture(guard: LocalGuard, objects: ClusterObjects): Disposable {
  let before = objects.objects();
  return objects.onChange(({ kind }) => {
    if (kind !== "objects") return;
    const now = objects.objects();
    guard.note(before, now, (key) => objects.note(key) !== undefined);
    before = now;
  });
}
