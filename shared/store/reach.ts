import type { ContentHash } from "../core/brand.ts";
import { namedBy } from "../core/snapshot/snapshot.ts";
import { emptyTrie, readBlock } from "../core/trie/trie.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import { eachOf } from "../shell/each-of.ts";
import { readBlocks } from "./block-store.ts";
import type { ReachStep, SweepPage } from "./documents.ts";

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

/** A walk of everything that roots reach, each document once, which can be left off and taken up again. */
export interface ReachWalk {
  readonly reach: Reach;
  /** What was reached since the walk was begun or taken up. */
  readonly news: () => SweepPage;
  /** What is reached and not read yet. */
  readonly waiting: () => readonly ReachStep[];
  readonly add: (root: Root) => void;
  /**
   * Reads some of what waits; returns how many documents. MeshError `block-damaged` when something is missing, so that nobody sweeps on half of the picture;
   * then it waits still.
   */
  readonly read: (most: number) => Promise<number>;
}

const requestsAtOnce = 16;

/** `before`: of a walk that was left off. */
export function takeUpWalk(
  { documents, cluster }: { readonly documents: Pick<DocumentStore, "get">; readonly cluster: string },
  before: { readonly pages: readonly SweepPage[]; readonly waiting: readonly ReachStep[] },
): ReachWalk {
  const blocks = new Set(before.pages.flatMap((page) => page.blocks));
  const versions = new Set(before.pages.flatMap((page) => page.versions));
  const news = { blocks: new Set<ContentHash>(), versions: new Set<ContentHash>() };
  let waiting: ReachStep[] = [...before.waiting];

  const reach = (kind: ReachStep["kind"], id: ContentHash): void => {
    if (id === emptyTrie.root || blocks.has(id)) return;
    blocks.add(id);
    news.blocks.add(id);
    waiting.push({ kind, id });
  };
  const reachVersion = (version: ContentHash): void => {
    if (versions.has(version)) return;
    versions.add(version);
    news.versions.add(version);
  };
  const read = async ({ kind, id }: ReachStep): Promise<void> => {
    const texts = await readBlocks(documents, cluster, id);
    for (const text of texts.values()) {
      const { entries, children } = readBlock(text);
      for (const child of children) if (!texts.has(child)) reach(kind, child);
      if (kind !== "index") continue;
      for (const [key, value] of entries) {
        const named = namedBy(key, value);
        for (const version of named.versions) reachVersion(version);
        if (named.set !== undefined) reach("set", named.set);
      }
    }
  };
  return {
    reach: { blocks, versions },
    news: () => ({ blocks: [...news.blocks], versions: [...news.versions] }),
    waiting: () => waiting,
    add({ state, snapshot }) {
      reach("state", state);
      if (snapshot !== undefined) reach("index", snapshot);
    },
    async read(most) {
      const batch = waiting.slice(-most); // depth first: what waits stays little
      waiting = waiting.slice(0, waiting.length - batch.length);
      try {
        await eachOf(batch, requestsAtOnce, read);
      } catch (error) {
        waiting.push(...batch);
        throw error;
      }
      return batch.length;
    },
  };
}
