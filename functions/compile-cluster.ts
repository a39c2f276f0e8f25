import { type Compilation, type Compiler, compile, createCompiler, translatorVersion } from "../shared/core/compile.ts";
import { lostResources, type Missing } from "../shared/core/guard/mass-withdrawal.ts";
import { type SealedResource, type Snapshot, versionsOf } from "../shared/core/snapshot/snapshot.ts";
import { objectsOf } from "../shared/core/state/cluster-state.ts";
import { emptyTrie, type Trie } from "../shared/core/trie/trie.ts";
import type { BlockStore } from "../shared/store/block-store.ts";
import type { Head, Pin, Served } from "../shared/store/documents.ts";
import type { MeshSettingsInForce } from "../shared/store/mesh-settings.ts";
import type { Folded } from "./fold-events.ts";

export interface Compiled {
  readonly compilation: Compilation;
  readonly served: Served;
  readonly previous: Snapshot;
  /** ISO 8601 */
  readonly time: string;
}

export interface CompileInput {
  /** The cluster's own. */
  readonly compiler: Compiler;
  readonly blocks: BlockStore;
  readonly head: Head;
  readonly settings: MeshSettingsInForce;
  readonly folded: Folded;
  /** What stands after the guards looked at the events. */
  readonly pin: Pin | undefined;
  readonly remembered: Snapshot | undefined;
  readonly now: () => Date;
}

/** What is served is not of the state, the settings or the translator at hand, and nothing forbids to change it. */
export function needsCompile({ head, settings, folded: { state, above }, pin }: CompileInput): boolean {
  if (pin !== undefined) return false;
  if (above !== undefined && state.staged !== undefined) return false; // the state is older than what gateways serve
  const { served } = head;
  if (served === undefined) return state.applied.epoch > 0;
  if (served.translator > translatorVersion) return false; // an older instance applies events and leaves compiling to the newer ones
  return above !== undefined || served.state !== state.objects.root || inputsDiffer(served, settings);
}

function inputsDiffer(served: Served, settings: MeshSettingsInForce): boolean {
  return (
    served.settingsVersion !== settings.version ||
    served.policyVersion !== settings.policyVersion ||
    served.translator < translatorVersion
  );
}

/** Compiles the state and puts what the snapshot in force does not reach; `lost` when the guard holds it, and nothing is put. */
export async function compileAndStore(
  input: CompileInput,
): Promise<{ readonly compiled: Compiled } | { readonly lost: readonly Missing[] }> {
  const { blocks, head, settings, folded } = input;
  const { state } = folded;
  const previous = await previousSnapshot(blocks, head.served, input.remembered);
  const compilation = input.compiler.compile({ objects: state.objects, settings: settings.build });
  // The compiler may be at another state of the cluster as soon as anything is awaited.
  const resources = resourcesSince(previous, compilation);
  const time = input.now().toISOString();
  const lost = folded.released === "everything" ? [] : await lostByInputs(input, previous, compilation);
  if (lost.length > 0) return { lost };
  const { snapshot } = compilation;
  await Promise.all([blocks.putResources(resources), blocks.putSnapshot(snapshot, previous)]);
  const served: Served = {
    root: snapshot.index.root,
    state: state.objects.root,
    policyVersion: settings.policyVersion,
    settingsVersion: settings.version,
    translator: translatorVersion,
  };
  return { compiled: { compilation, served, previous, time } };
}

/** What the snapshot in force does not reach: what the compiler found new, when it is what was compiled last. */
function resourcesSince(previous: Snapshot, { snapshot, news }: Compilation): readonly SealedResource[] {
  if (news.since === previous.index.root) return news.resources;
  const known = versionsOf(previous.index);
  return [...snapshot.resources.values()].filter(({ version }) => !known.has(version));
}

/** Objects of the clusters whose last compilation an instance keeps: about 300 MB. */
const mostKept = 30_000;

/** Compilers by cluster. When their states are too large together, those that were not used for longest are forgotten. */
export function createClusterCompilers(): (cluster: string, objects: Trie) => Compiler {
  const kept = new Map<string, { readonly compiler: Compiler; readonly size: number }>();
  return (cluster, { size }) => {
    const compiler = kept.get(cluster)?.compiler ?? createCompiler();
    kept.delete(cluster);
    kept.set(cluster, { compiler, size });
    let total = 0;
    for (const one of kept.values()) total += one.size;
    for (const [oldest, one] of kept) {
      if (total <= mostKept || oldest === cluster) break;
      kept.delete(oldest);
      total -= one.size;
    }
    return compiler;
  };
}

/** What another translator or policy alone makes of the state that is served, where it is another: so no change of an object counts. */
async function lostByInputs(
  { blocks, head: { served }, settings, folded: { state } }: CompileInput,
  previous: Snapshot,
  compilation: Compilation,
): Promise<readonly Missing[]> {
  if (served === undefined || !inputsDiffer(served, settings)) return [];
  if (served.state === state.objects.root) return lostResources(previous, compilation);
  const objects = await blocks.loadTrie(served.state, state.objects);
  return lostResources(previous, compile({ objects: objectsOf(objects), settings: settings.build }));
}

async function previousSnapshot(
  blocks: BlockStore,
  served: Served | undefined,
  remembered: Snapshot | undefined,
): Promise<Snapshot> {
  if (served === undefined) return { index: emptyTrie, sets: new Map() };
  if (remembered?.index.root === served.root) return remembered;
  return blocks.loadSnapshot(served.root, remembered);
}
