import type { Container, DocumentMark, NewDocument } from "../../ports/document-store.ts";

/** Member that holds the partition key's value (infra/containers.ts). */
const partitionMembers: Readonly<Record<Container, string>> = {
  clusters: "cluster",
  blocks: "part",
  policies: "mesh",
  changes: "cluster",
  rejected: "cluster",
  leases: "id",
};

/** An item as the service keeps it: the document's body stands under `body`, so that no member of it has a meaning there. */
export type CosmosItem = Readonly<Record<string, unknown>> & { readonly id: string };

export function itemOf(container: Container, document: NewDocument): CosmosItem {
  const ttl = document.ttl === undefined ? {} : { ttl: document.ttl };
  return { id: document.id, [partitionMembers[container]]: document.partition, ...ttl, body: document.body };
}

export function bodyOf<Body>(item: Readonly<Record<string, unknown>>): Body {
  return item["body"] as Body;
}

export function partitionOf(container: Container, item: Readonly<Record<string, unknown>>): string {
  return String(item[partitionMembers[container]]);
}

/** A parametrised query of the service's SQL. */
export interface CosmosQuery {
  readonly query: string;
  readonly parameters: { readonly name: string; readonly value: string | number }[];
}

/** The last ids of a partition that begin with a prefix, newest first. */
export function listQuery({ prefix, limit }: { readonly prefix: string; readonly limit: number }): CosmosQuery {
  return {
    query: "SELECT TOP @limit * FROM c WHERE STARTSWITH(c.id, @prefix) ORDER BY c.id DESC",
    parameters: [
      { name: "@limit", value: limit },
      { name: "@prefix", value: prefix },
    ],
  };
}

/** The next ids of a partition, in order. */
export function marksQuery({ after, limit }: { readonly after: string; readonly limit: number }): CosmosQuery {
  return {
    query: "SELECT TOP @limit c.id, c._etag, c._ts FROM c WHERE c.id > @after ORDER BY c.id",
    parameters: [
      { name: "@limit", value: limit },
      { name: "@after", value: after },
    ],
  };
}

export function markOf({ id, _etag, _ts }: CosmosItem): DocumentMark {
  return { id, etag: String(_etag), written: Number(_ts) * 1000 };
}

/** The items of all partitions that have an id. */
export function everywhereQuery(id: string): CosmosQuery {
  return { query: "SELECT * FROM c WHERE c.id = @id", parameters: [{ name: "@id", value: id }] };
}
