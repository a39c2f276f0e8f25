import type { ContentHash } from "../../shared/core/brand.ts";
import { translatorVersion } from "../../shared/core/compile.ts";
import type { ClusterFact } from "../../shared/core/events/cluster-event.ts";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { MeshSettingsInForce } from "../../shared/store/mesh-settings.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import { chooseServed } from "./choose-served.ts";
import { createLocalCompiler, type LocalCompilation } from "./compile-locally.ts";
import { createHolding } from "./holding.ts";
import type { LocalGuard, LocalHold } from "./local-guard.ts";
import type { ModeNote } from "./mode-note.ts";
import { createPacedWork } from "./paced-work.ts";

export type ServedLocally = ClusterFact & { readonly type: "ServedLocally" };

export interface ServedSourceOptions {
  readonly note: () => ModeNote | undefined;
  /** What the publisher says is known, if it says anything. */
  readonly isNoted: () => boolean;
  readonly head: () => Head | undefined;
  readonly objects: () => Trie;
  /** Inputs that came from the cloud; rejects where there are none: then nothing is compiled here. */
  readonly settingsFor: (snapshot: ServedSnapshot) => Promise<MeshSettingsInForce>;
  /** A state that a snapshot was made of. Rejects where it cannot be had: then nothing is compiled here. */
  readonly stateOf: (root: ContentHash) => Promise<Trie>;
  readonly guard: Pick<LocalGuard, "judge">;
  /** Id of the hold that a person agreed to. */
  readonly released: () => string | undefined;
  /** What the guard holds has changed. */
  readonly onHold: (hold: LocalHold | undefined) => void;
  /** A snapshot is in force from now on. */
  readonly serve: (snapshot: ServedSnapshot) => void;
  /** What was compiled here is in force; undefined: not any more. */
  readonly keepLocal: (local: Pick<LocalCompilation, "snapshot" | "state"> | undefined) => void;
  /** Problems of what was compiled here. */
  readonly problems: (problems: readonly Problem[]) => void;
  /** A root that was compiled here was in force, and is not any more. */
  readonly onServedLocally: (fact: ServedLocally) => void;
  readonly clock: Clock;
  readonly fault: (error: unknown) => void;
}

/** What is in force here: the cloud's newest snapshot, or one that was compiled here. */
export interface ServedSource extends Disposable {
  readonly current: () => ServedSnapshot | undefined;
  readonly servesLocal: () => boolean;
  /** What is not compiled here, because the guard speaks against it. */
  readonly held: () => LocalHold | undefined;
  /** The newest from the cloud. */
  readonly fromCloud: (snapshot: ServedSnapshot) => void;
  /** What this gateway served last before it ended, if it had compiled that itself. */
  readonly restore: (local: ServedSnapshot) => void;
  /** Everything was listed: from now on the own state can be compiled. Ends when what is to be served is. */
  readonly begin: () => Promise<void>;
  /** Mode, head or own state changed. */
  readonly look: () => void;
}

/** Least time between the ends of two compiles: it takes the process for itself. Milliseconds. */
const compileDistance = 500;

export function createServedSource(options: ServedSourceOptions): ServedSource {
  const compiler = createLocalCompiler();
  let cloud: ServedSnapshot | undefined;
  let current: ServedSnapshot | undefined;
  let listed = false;

  const now = (): string => new Date(options.clock.now()).toISOString();
  const local = createLocalServing(options, now);
  const holding = createHolding({ ...options, now });
  const serve = (snapshot: ServedSnapshot): void => {
    current = snapshot;
    options.serve(snapshot);
  };
  const choose = () => {
    const own = listed ? options.objects().root : undefined;
    const [note, noted, head] = [options.note(), options.isNoted(), options.head()];
    const servesLocal = local.snapshot() !== undefined;
    return cloud && chooseServed({ note, noted, head, cloud, own, servesLocal, translator: translatorVersion });
  };
  const isServed = (): boolean => local.snapshot()?.served.state === options.objects().root;
  const isHeld = (): boolean =>
    current !== undefined && holding.covers({ before: current.served.state, own: options.objects().root });
  const compileNow = async (): Promise<void> => {
    try {
      const inForce = current;
      if (cloud === undefined || inForce === undefined) return;
      const settings = await options.settingsFor(cloud);
      const before = await options.stateOf(inForce.served.state);
      if (choose() !== "local" || current !== inForce) return;
      const own = options.objects();
      if (holding.judge({ inForce, before, own, settings, outage: options.note()?.since ?? "" })) return;
      const compiled = compiler.compile(cloud, own, settings);
      local.replace(compiled.snapshot);
      serve(compiled.snapshot);
      options.keepLocal(compiled);
      options.problems(compiled.problems);
    } catch (error) {
      options.fault(error);
    }
  };
  const look = (): void => {
    if (cloud === undefined) return;
    const choice = choose();
    if (choice !== "local" || isServed()) holding.end();
    switch (choice) {
      case "local":
        if (current === undefined) serve(local.snapshot() ?? cloud);
        return isServed() || isHeld() ? undefined : compiling.ask();
      case "stay":
        if (current === undefined) serve(local.snapshot() ?? cloud);
        return;
      case "cloud":
        if (local.snapshot() !== undefined) {
          options.keepLocal(undefined);
          compiler.forget();
        }
        local.replace(undefined);
        if (current !== cloud) serve(cloud);
        return;
      case undefined:
    }
  };
  const compiling = createPacedWork({ clock: options.clock, distance: compileDistance, work: compileNow, due: look });
  return {
    current: () => current,
    servesLocal: () => local.snapshot() !== undefined,
    held: holding.hold,
    fromCloud(snapshot) {
      cloud = snapshot;
      look();
    },
    restore: (snapshot) => local.replace(snapshot),
    async begin() {
      listed = true;
      look();
      await compiling.idle();
    },
    look,
    [Symbol.dispose]: () => compiling[Symbol.dispose](),
  };
}

/** What was compiled here, told of when it ends. `now`: ISO 8601 */
function createLocalServing({ onServedLocally }: Pick<ServedSourceOptions, "onServedLocally">, now: () => string) {
  let local: { readonly snapshot: ServedSnapshot; readonly since: string } | undefined;
  return {
    snapshot: () => local?.snapshot,
    replace(next: ServedSnapshot | undefined): void {
      const [ended, at] = [local, now()];
      local = next && { snapshot: next, since: at };
      if (ended === undefined) return;
      const { root, state } = ended.snapshot.served;
      onServedLocally({ type: "ServedLocally", root, state, from: ended.since, to: at });
    },
  };
}
