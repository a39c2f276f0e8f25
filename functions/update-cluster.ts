import { isDeepStrictEqual } from "node:util";
import type { Problem } from "../shared/core/mesh/problem.ts";
import { compareSnapshots, namedSince, type Snapshot } from "../shared/core/snapshot/snapshot.ts";
import type { ClusterState, StagedList } from "../shared/core/state/cluster-state.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { type BlockStore, createBlockStore } from "../shared/store/block-store.ts";
import { type ReadHead, readHead, writeHead } from "../shared/store/cluster-store.ts";
import {
  type Change,
  type ClusterProblems,
  type Head,
  maxFresh,
  type Pin,
  type Point,
  type SnapshotPointer,
} from "../shared/store/documents.ts";
import { type MeshSettingsInForce, readMeshSettings } from "../shared/store/mesh-settings.ts";
import { announceVersion, recordPinAct, type WrittenHead } from "./announce.ts";
import {
  type Compiled,
  type CompileInput,
  compileAndStore,
  createClusterCompilers,
  needsCompile,
} from "./compile-cluster.ts";
import type { Folded } from "./fold-events.ts";
import { guardedPin, lostHold } from "./guard-cluster.ts";
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
/** Characters. */
const longestMessage = 1000;

export function createClusterUpdater(parts: FunctionParts): ClusterUpdater {
  const memory = new Map<string, Remembered>();
  const compilerOf = createClusterCompilers();
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
        const start = await loadState(blocks, before.head, remembered);
        const job: Job = {
          parts,
          cluster,
          blocks,
          before,
          settings,
          start,
          compiler: compilerOf(cluster, start.objects),
        };
        const folded = fold(start, before.head);
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
  readonly compiler: CompileInput["compiler"];
}

async function publish(job: Job, folded: Folded, remembered: Remembered): Promise<Remembered | "lost"> {
  const { before, parts, cluster } = job;
  const [{ pin, compiled }] = await Promise.all([
    decide(job, folded, remembered.snapshot),
    storeState(job, folded.state), // nothing names it before the head does
  ]);
  const head = nextHead(before.head, folded, { compiled, pin });
  if (sameHead(before.head, head)) return { ...remembered, state: folded.state };
  const time = parts.now().toISOString();
  const moved = head.version !== before.head.version;
  const point: Point | undefined =
    moved && compiled !== undefined
      ? { version: head.version, served: compiled.served, causes: folded.causes.slice(0, listedCauses), time }
      : undefined;
  const problems = compiled && problemsOf(head.version, compiled.compilation.problems);
  const written = await writeHead(parts.documents, cluster, {
    before,
    head,
    ...(point && { point }),
    ...(problems && { problems }),
  });
  if (!written) return "lost";
  if (pin?.kind === "hold" && before.head.pin?.when !== pin.when) {
    const { who, when, why } = pin;
    await recordPinAct(parts, cluster, { act: "hold", who, when, why, version: head.version });
  }
  if (point !== undefined && compiled !== undefined)
    await announceVersion(parts, cluster, {
      head,
      change: changeOf(point, compiled, folded),
      fresh: freshOf(compiled),
    });
  const snapshot = compiled?.compilation.snapshot ?? remembered.snapshot;
  return { state: folded.state, ...(snapshot && { snapshot }) };
}

/** What the guards say, then what is compiled, which a guard may still hold. */
async function decide(
  { parts, blocks, before: { head }, settings, compiler }: Job,
  folded: Folded,
  remembered: Snapshot | undefined,
): Promise<{ readonly pin?: Pin; readonly compiled?: Compiled }> {
  const now = parts.now().toISOString();
  const pin =
    folded.released === "everything"
      ? undefined
      : await guardedPin({
          head,
          folded,
          settings,
          now,
          loadState: (root) => blocks.loadTrie(root, folded.state.objects),
        });
  const input: CompileInput = { compiler, blocks, head, settings, folded, pin, remembered, now: parts.now };
  if (!needsCompile(input)) return pin === undefined ? {} : { pin };
  const result = await compileAndStore(input);
  return "lost" in result ? { pin: lostHold(result.lost, now) } : result;
}

async function loadState(blocks: BlockStore, head: Head, remembered: Remembered): Promise<ClusterState> {
  const objects = await blocks.loadTrie(head.state, remembered.state?.objects);
  const state: ClusterState = { applied: head.applied, objects };
  if (head.staged === undefined) return state;
  const { epoch, seq, deleted } = head.staged;
  const staged = await blocks.loadTrie(head.staged.state, remembered.state?.staged?.objects);
  return { ...state, staged: { position: { epoch, seq }, objects: staged, ...(deleted && { deleted }) } };
}

/** Puts what neither the state nor the staged list of the head reaches. */
async function storeState({ blocks, start }: Job, state: ClusterState): Promise<void> {
  const known = start.staged?.objects ?? start.objects;
  if (state.objects.root !== start.objects.root) await blocks.putTrie(state.objects, known);
  if (state.staged !== undefined && state.staged.objects.root !== start.staged?.objects.root)
    await blocks.putTrie(state.staged.objects, known);
}

function nextHead(
  head: Head,
  { state, want, refused, above }: Folded,
  { compiled, pin }: { readonly compiled?: Compiled | undefined; readonly pin?: Pin | undefined },
): WrittenHead {
  const inForce = compiled?.served ?? head.served;
  const moved = compiled !== undefined && compiled.served.root !== head.served?.root;
  /** Gateways serve a version that this head never had: they follow only what is above it. */
  const raised = compiled === undefined ? undefined : above;
  return {
    incarnation: raised?.incarnation ?? head.incarnation,
    version: raised === undefined ? head.version + (moved ? 1 : 0) : Math.max(head.version, raised.version) + 1,
    applied: state.applied,
    state: state.objects.root,
    ...(state.staged && { staged: stagedOf(state.staged) }),
    ...(inForce && { served: inForce }),
    ...(pin && { pin }),
    ...(above !== undefined && raised === undefined && { above }),
    ...(want !== undefined && { want }),
    refused,
    sweepFloor: head.sweepFloor,
  };
}

function stagedOf({ position, objects, deleted }: StagedList): NonNullable<Head["staged"]> {
  return { ...position, state: objects.root, ...(deleted && { deleted }) };
}

function sameHead(before: Head, next: WrittenHead): boolean {
  return isDeepStrictEqual(before, { ...next, writeId: before.writeId });
}

/** As much as fits beside the head, however much the objects' own words are. */
function problemsOf(version: number, all: readonly Problem[]): ClusterProblems {
  const problems = all.slice(0, listedProblems).map((problem) => ({
    ...problem,
    message: problem.message.length > longestMessage ? `${problem.message.slice(0, longestMessage)}…` : problem.message,
  }));
  return { version, total: all.length, problems };
}

/** What gateways read of it, where that is little. */
function freshOf({ previous, compilation: { snapshot } }: Compiled): SnapshotPointer["fresh"] {
  const blocks = Array.from(snapshot.index.bundles(previous.index), ({ hash }) => hash);
  const resources = [...namedSince(previous.index, snapshot.index).versions];
  return blocks.length <= maxFresh && resources.length <= maxFresh ? { blocks, resources } : undefined;
}

function changeOf(point: Point, compiled: Compiled, folded: Folded): Change {
  const difference = compareSnapshots(compiled.previous, compiled.compilation.snapshot);
  return {
    version: point.version,
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
}
