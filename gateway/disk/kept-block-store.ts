import type { ContentHash } from "../../shared/core/brand.ts";
import type { Container, DocumentStore } from "../../shared/ports/document-store.ts";
import { type BlockStore, createBlockStore, type StoredResource } from "../../shared/store/block-store.ts";
import type { BlockDocument } from "../../shared/store/documents.ts";
import type { KeptContent } from "./kept-content.ts";

/** The cluster's blocks and resources: what is kept here is read here, the rest from the cloud. */
export function createKeptBlockStore(documents: DocumentStore, cluster: string, content: KeptContent): BlockStore {
  const blocks = createBlockStore(
    {
      ...documents,
      async get<Body>(container: Container, partition: string, id: string) {
        const text = container === "blocks" ? await content.block(id as ContentHash) : undefined;
        return text === undefined
          ? documents.get<Body>(container, partition, id)
          : { body: { texts: [text] } satisfies BlockDocument as Body, etag: "kept" };
      },
    },
    cluster,
  );
  return {
    ...blocks,
    async loadResources(wanted) {
      const found = new Map<ContentHash, StoredResource>();
      const missing = new Set(wanted);
      for (const [version, resource] of await content.resources(missing)) {
        found.set(version, resource);
        missing.delete(version);
      }
      for (const [version, resource] of await blocks.loadResources(missing)) found.set(version, resource);
      return found;
    },
  };
}
