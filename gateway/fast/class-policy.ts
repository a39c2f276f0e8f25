import type { ContentHash } from "../../shared/core/brand.ts";
import { createClassTranslator } from "../../shared/core/compile.ts";
import type { ClassKey } from "../../shared/core/mesh/mesh.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import { viewOf } from "../../shared/core/snapshot/snapshot.ts";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import type { ResourceId } from "../../shared/core/xds/resource.ts";
import type { BlockStore } from "../../shared/store/block-store.ts";
import type { MeshSettingsInForce } from "../../shared/store/mesh-settings.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";

/** A resource as it was compiled: an encoded message, or a set for the fast lane. */
export interface PolicyResource {
  readonly version: ContentHash;
  readonly body: Uint8Array;
}

/** Policy config of one class, wherever it was compiled. */
export interface ClassPolicy {
  /** Of the snapshot. */
  readonly version: number;
  readonly members: ReadonlyMap<ResourceId, PolicyResource>;
}

/** What the snapshot holds for a class; undefined for a class that it does not know. */
export function policyIn(served: ServedSnapshot, key: ClassKey): ClassPolicy | undefined {
  const versions = viewOf(served.snapshot, key);
  if (versions === undefined) return undefined;
  const members = new Map<ResourceId, PolicyResource>();
  for (const [id, version] of versions) members.set(id, resourceOf(served, id, version));
  return { version: served.version, members };
}

/** What the snapshot holds under a version that it names. */
export function resourceOf(served: ServedSnapshot, id: ResourceId, version: ContentHash): PolicyResource {
  const resource = served.resources.get(version);
  if (resource === undefined) throw new Error(`snapshot ${served.version} lacks the resource ${id}`);
  return resource;
}

export interface ClassCompilerOptions {
  readonly blocks: BlockStore;
  readonly readSettings: () => Promise<MeshSettingsInForce>;
  /** The gateway's own state, which shares nearly all blocks with the one that is served. */
  readonly known: () => Trie;
}

/** Pods of new classes start in bursts. For so many milliseconds after one, what the next would need is kept; then memory is worth more. */
const burstGap = 10_000;

/** Compiles the policy of a class that a snapshot does not know. */
export type CompileClass = (served: ServedSnapshot, workloadClass: MeshObject) => Promise<ClassPolicy | undefined>;

/**
 * A new pod never waits for the cloud (design.md §1): the mesh is that of the state that the snapshot in force names, with the new class alone added, and
 * translated for that class. What was made for one such class is kept for the next. Undefined where the mesh has no place for it, as in a namespace that is
 * not in the mesh.
 */
export function createClassCompiler({ blocks, readSettings, known }: ClassCompilerOptions): CompileClass {
  const { translate, forget } = createClassTranslator();
  let forgetting: NodeJS.Timeout | undefined;
  return async (served, workloadClass) => {
    const [state, settings] = await Promise.all([blocks.loadTrie(served.served.state, known()), readSettings()]);
    const objects = state.with([stateEntry(workloadClass)]);
    const members = translate({ objects, settings: settings.build }, workloadClass.key);
    clearTimeout(forgetting);
    forgetting = setTimeout(forget, burstGap).unref();
    return members && { version: served.version, members };
  };
}
