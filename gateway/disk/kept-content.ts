import type { ContentHash } from "../../shared/core/brand.ts";
import type { StoredResource } from "../../shared/store/block-store.ts";

/** Something that its hash names: a block of a trie, or a resource by its version. */
export type Content =
  | { readonly kind: "block"; readonly hash: ContentHash; readonly text: string }
  | { readonly kind: "resource"; readonly hash: ContentHash; readonly resource: StoredResource };

/**
 * What the gateway keeps of the cloud's blocks and resources, by hash. What is damaged counts as missing, and nothing is ever returned that is not what its
 * hash says. `add` and `keepOnly` are called one after the other; reads may come at any time.
 */
export interface KeptContent {
  has(hash: ContentHash): boolean;
  block(hash: ContentHash): Promise<string | undefined>;
  /** Those that are kept, by version. */
  resources(versions: Iterable<ContentHash>): Promise<ReadonlyMap<ContentHash, StoredResource>>;
  /** Keeps what is not kept yet. What was added is durable when this ends. */
  add(contents: Iterable<Content>): Promise<void>;
  /** Everything else may go. */
  keepOnly(live: ReadonlySet<ContentHash>): Promise<void>;
}

/** For a gateway without a disk: it outlives its cloud, but not itself. */
export function createMemoryContent(): KeptContent {
  const contents = new Map<ContentHash, Content>();
  return {
    has: (hash) => contents.has(hash),
    async block(hash) {
      const found = contents.get(hash);
      return found?.kind === "block" ? found.text : undefined;
    },
    async resources(versions) {
      const found = new Map<ContentHash, StoredResource>();
      for (const version of versions) {
        const content = contents.get(version);
        if (content?.kind === "resource") found.set(version, content.resource);
      }
      return found;
    },
    async add(added) {
      for (const content of added) contents.set(content.hash, content);
    },
    async keepOnly(live) {
      for (const hash of contents.keys()) if (!live.has(hash)) contents.delete(hash);
    },
  };
}
