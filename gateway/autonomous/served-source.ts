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
import type { ModeNote } from "./mode-note.ts";
import { createPacedWork } from "./paced-work.ts";

export type ServedLocally = ClusterFact & { readonly type: "ServedLocally" };

export interface ServedSourceOptions {
  readonly note: () => ModeNote | undefined;
  readonly head: () => Head | undefined;
  readonly objects: () => Trie;
  /** Inputs that came from the cloud; rejects where there are none: then nothing is compiled here. */
  readonly settingsFor: (snapshot: ServedSnapshot) => Promise<MeshSettingsInForce>;
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
  const { clock } = options;
  const compiler = createLocalCompiler();
  let cloud: ServedSnapshot | undefined;
  let local: { readonly snapshot: ServedSnapshot; readonly since: string } | undefined;
  let current: ServedSnapshot | undefined;
  let listed = false;

  const now = (): string => new Date(clock.now()).toISOString();
  const serve = (snapshot: ServedSnapshot): void => {
    current = snapshot;
    options.serve(snapshot);
  };
  const endLocal = (): void => {
    if (local === undefined) return;
    const { root, state } = local.snapshot.served;
    options.onServedLocally({ type: "ServedLocally", root, state, from: local.since, to: now() });
    local = undefined;
  };
  const choose = () => {
    const own = listed ? options.objects().root : undefined;
    const [note, head, servesLocal] = [options.note(), options.head(), local !== undefined];
    return cloud && chooseServed({ note, head, cloud, own, servesLocal, translator: translatorVersion });
  };
  const compileNow = async (): Promise<void> => {
    try {
      if (cloud === undefined) return;
      const settings = await options.settingsFor(cloud);
      if (choose() !== "local") return;
      const compiled = compiler.compile(cloud, options.objects(), settings);
      endLocal();
      local = { snapshot: compiled.snapshot, since: now() };
      serve(compiled.snapshot);
      options.keepLocal(compiled);
      options.problems(compiled.problems);
    } catch (error) {
      options.fault(error);
    }
  };
  const look = (): void => {
    if (cloud === undefined) return;
    switch (choose()) {
      case "local":
        if (current === undefined) serve(local?.snapshot ?? cloud);
        return local?.snapshot.served.state === options.objects().root ? undefined : compiling.ask();
      case "stay":
        if (current === undefined && local !== undefined) serve(local.snapshot);
        return;
      case "cloud":
        if (local !== undefined) {
          options.keepLocal(undefined);
          compiler.forget();
        }
        endLocal();
        if (current !== cloud) serve(cloud);
        return;
      case undefined:
    }
  };
  const compiling = createPacedWork({ clock, distance: compileDistance, work: compileNow, due: look });
  return {
    current: () => current,
    servesLocal: () => local !== undefined,
    fromCloud(snapshot) {
      cloud = snapshot;
      look();
    },
    restore(snapshot) {
      local = { snapshot, since: now() };
    },
    async begin() {
      listed = true;
      look();
      await compiling.idle();
    },
    look,
    [Symbol.dispose]: () => compiling[Symbol.dispose](),
  };
}
