import type { ContentHash } from "../core/brand.ts";
import { namedSince } from "../core/snapshot/snapshot.ts";
import { emptyTrie, type Trie } from "../core/trie/trie.ts";
import type { BlockStore } from "./block-store.ts";

/** What a set of roots needs. */
export interface Reach {
  /** Ids of the documents that hold blocks of tries. */
  readonly blocks: ReadonlySet<ContentHash>;
  /** Of resources. */
  readonly versions: ReadonlySet<ContentHash>;
}

/** One root of a state and, where something was served, of a snapshot. */
export interface Root {
  readonly state: ContentHash;
  readonly snapshot?: ContentHash;
}

/**
 * Walks everything that the roots reach. Neighbours should be alike: only what differs from the one before is read. MeshError `block-damaged` when something
 * is missing, so that nobody sweeps on half of the picture.
 */
export async function reachOf(blocks: BlockStore, roots: Iterable<Root>): Promise<Reach> {
  const reached = new Set<ContentHash>();
  const versions = new Set<ContentHash>();
  const sets = new Set<ContentHash>();
  const visited = new Set<ContentHash>([emptyTrie.root]);
  const walk = async (root: ContentHash, before: Trie): Promise<Trie> => {
    if (visited.has(root)) return before;
    visited.add(root);
    const trie = await blocks.loadTrie(root, before);
    for (const { hash } of trie.bundles(before)) reached.add(hash);
    return trie;
  };
  let [state, index, set]: [Trie, Trie, Trie] = [emptyTrie, emptyTrie, emptyTrie];
  for (const root of roots) {
    state = await walk(root.state, state);
    if (root.snapshot === undefined || visited.has(root.snapshot)) continue;
    const next = await walk(root.snapshot, index);
    const named = namedSince(index, next);
    for (const version of named.versions) versions.add(version);
    for (const one of named.sets) sets.add(one);
    index = next;
  }
  for (const root of sets) set = await walk(root, set);
  return { blocks: reached, versions };
}
