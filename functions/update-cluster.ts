import { isDeepStrictEqual } from "node:util";
import { type Compilation, compile, translatorVersion } from "../shared/core/compile.ts";
import { compareSnapshots, type Snapshot, versionsOf } from "../shared/core/snapshot/snapshot.ts";
import { type ClusterState, objectsOf } from "../shared/core/state/cluster-state.ts";
import { emptyTrie } from "../shared/core/trie/trie.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { type BlockStore, createBlockStore } from "../shared/store/block-store.ts";
import { putChange, type ReadHead, readHead, writeHead } from "../shared/store/cluster-store.ts";
import type { Change, Head, Point, Served } from "../shared/store/documents.ts";
import { type MeshSettingsInForce, readMeshSettings } from "../shared/store/mesh-settings.ts";
import type { Folded } from "./fold-events.ts";
import type { FunctionParts } from "./ports.ts";

/** What an instance remembers of a cluster: only content by hash, so it is right whatever the head says. */
interface Remembered {
  readonly state?: ClusterState;
  readonly snapshot?: Snapshot;
}

export interface ClusterUpdater {
  /**
   * Reads the head, lets `fold` move the state, compiles when what is served is not of this state, and publishes by one compare-and-set; starts over when another
   * writer came first. False when the cluster never joined.
   */
  update(cluster: string, fold: (state: ClusterState, head: Head) => Folded): Promise<boolean>;
}

const attempts = 8;
const listedCauses = 20;
const listedProblems = 200;

export function createClusterUpdater(parts: FunctionParts): ClusterUpdater {
  const memory = new Map<string, Remembered>();
  return {
    async update(cluster, fold) {
      const blocks = createBlockStore(parts.documents, cluster);
      for (let attempt = 1; attempt <= attempts; attempt++) {
        const [before, settings] = await Promise.all([
          readHead(parts.documents, cluster),
          readMeshSettings(parts.documents, parts.mesh),
        ]);
        if (before === undefined) return false;
        const remembered = memory.get(cluster) ?? {};
        const job: Job = {
          parts,
          cluster,
          blocks,
          before,
          settings,
          start: await loadState(blocks, before.head, remembered),
        };
        const folded = fold(job.start, before.head);
        const result = await publish(job, folded, remembered);
        if (result === "lost") continue;
        memory.set(cluster, result);
        return true;
      }
      throw new MeshError("unavailable", `the head of ${cluster} was written by others ${attempts} times in a row`);
    },
  };
}

interface Job {
  readonly parts: FunctionParts;
  readonly cluster: string;
  readonly blocks: BlockStore;
  readonly before: ReadHead;
  readonly settings: MeshSettingsInForce;
  readonly start: ClusterState;
}

async function publish(job: Job, folded: Folded, remembered: Remembered): Promise<Remembered | "lost"> {
  const { before, parts, cluster } = job;
  const compiled = needsCompile(job, folded.state) ? await compileAndStore(job, folded.state, remembered) : undefined;
  const head = nextHead(job, folded, compiled?.served);
  if (sameHead(before.head, head)) return { ...remembered, state: folded.state };
  await storeState(job, folded.state);
  const time = parts.now().toISOString();
  const moved = head.version !== before.head.version;
  const point: Point | undefined =
    moved && compiled !== undefined
      ? { version: head.version, served: compiled.served, causes: folded.causes.slice(0, listedCauses), time }
      : undefined;
  const problems = compiled && {
    version: head.version,
    total: compiled.compilation.problems.length,
    problems: compiled.compilation.problems.slice(0, listedProblems),
  };
  const written = await writeHead(parts.documents, cluster, {
    before,
    head,
    ...(point && { point }),
    ...(problems && { problems }),
  });
  if (!written) return "lost";
  if (point !== undefined && compiled !== undefined) await announce(job, { head, point, compiled, folded });
  return {
    state: folded.state,
    ...(compiled === undefined
      ? remembered.snapshot && { snapshot: remembered.snapshot }
      : { snapshot: compiled.compilation.snapshot }),
  };
}

function needsCompile({ before: { head }, settings }: Job, state: ClusterState): boolean {
  if (head.pin !== undefined) return false;
  if (head.served === undefined) return state.applied.epoch > 0;
  const { served } = head;
  if (served.translator > translatorVersion) return false; // an older instance applies events and leaves compiling to the newer ones
  return (
    served.state !== state.objects.root ||
    served.settingsVersion !== settings.version ||
    served.policyVersion !== settings.policyVersion ||
    served.translator < translatorVersion
  );
}

interface Compiled {
  readonly compilation: Compilation;
  readonly served: Served;
  readonly previous: Snapshot;
  readonly time: string;
}

async function compileAndStore(job: Job, state: ClusterState, remembered: Remembered): Promise<Compiled> {
  const { blocks, before, settings } = job;
  const compilation = compile({ objects: objectsOf(state.objects), settings: settings.build });
  const time = job.parts.now().toISOString();
  const previous = await previousSnapshot(blocks, before.head.served, remembered);
  const { snapshot } = compilation;
  const known = versionsOf(previous.index);
  await Promise.all([
    blocks.putResources([...snapshot.resources.values()].filter(({ version }) => !known.has(version))),
    blocks.putSnapshot(snapshot, previous),
  ]);
  const served: Served = {
    root: snapshot.index.root,
    state: state.objects.root,
    policyVersion: settings.policyVersion,
    settingsVersion: settings.version,
    translator: translatorVersion,
  };
  return { compilation, served, previous, time };
}

async function previousSnapshot(
  blocks: BlockStore,
  served: Served | undefined,
  remembered: Remembered,
): Promise<Snapshot> {
  if (served === undefined) return { index: emptyTrie, sets: new Map() };
  if (remembered.snapshot?.index.root === served.root) return remembered.snapshot;
  return blocks.loadSnapshot(served.root, remembered.snapshot);
}

async function loadState(blocks: BlockStore, head: Head, remembered: Remembered): Promise<ClusterState> {
  const objects = await blocks.loadTrie(head.state, remembered.state?.objects);
  const state: ClusterState = { applied: head.applied, objects };
  if (head.staged === undefined) return state;
  const { epoch, seq } = head.staged;
  const staged = await blocks.loadTrie(head.staged.state, remembered.state?.staged?.objects);
  return { ...state, staged: { position: { epoch, seq }, objects: staged } };
}

async function storeState({ blocks, start }: Job, state: ClusterState): Promise<void> {
  if (state.objects.root !== start.objects.root) await blocks.putTrie(state.objects, start.objects);
  if (state.staged !== undefined && state.staged.objects.root !== start.staged?.objects.root) {
    await blocks.putTrie(state.staged.objects, start.staged?.objects ?? start.objects);
  }
}

function nextHead({ before: { head } }: Job, folded: Folded, served: Served | undefined): Omit<Head, "writeId"> {
  const { state } = folded;
  const moved = served !== undefined && served.root !== head.served?.root;
  const inForce = served ?? head.served;
  return {
    incarnation: head.incarnation,
    version: moved ? head.version + 1 : head.version,
    applied: state.applied,
    state: state.objects.root,
    ...(state.staged && { staged: { ...state.staged.position, state: state.staged.objects.root } }),
    ...(inForce && { served: inForce }),
    ...(head.pin && { pin: head.pin }),
    ...(folded.want !== undefined && { want: folded.want }),
    refused: folded.refused,
    sweepFloor: head.sweepFloor,
  };
}

function sameHead(before: Head, next: Omit<Head, "writeId">): boolean {
  return isDeepStrictEqual(before, { ...next, writeId: before.writeId });
}

async function announce(
  job: Job,
  done: {
    readonly head: Omit<Head, "writeId">;
    readonly point: Point;
    readonly compiled: Compiled;
    readonly folded: Folded;
  },
): Promise<void> {
  const { parts, cluster } = job;
  const { head, point, compiled, folded } = done;
  const pointer = {
    mesh: parts.mesh,
    cluster,
    incarnation: head.incarnation,
    version: head.version,
    root: compiled.served.root,
  };
  const difference = compareSnapshots(compiled.previous, compiled.compilation.snapshot);
  const change: Change = {
    version: head.version,
    causes: point.causes,
    moreCauses: folded.causes.length - point.causes.length,
    resources: {
      added: difference.added.length,
      changed: difference.changed.length,
      removed: difference.removed.length,
    },
    stages: [
      { stage: "compiled", time: compiled.time },
      { stage: "published", time: point.time },
    ],
  };
  const [sent] = await Promise.allSettled([
    parts.snapshots.send(cluster, [pointer]),
    putChange(parts.documents, cluster, change),
  ]);
  if (sent?.status === "rejected")
    parts.log.warn("pointer not sent; gateways find the version by reading the head", {
      cluster,
      error: String(sent.reason),
    });
}
