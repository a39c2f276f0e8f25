import { badRequest, tooLarge } from "./cosmos-error.ts";
import { type Json, type JsonObject, textAt } from "./json.ts";
import { encodePartitionKey, type PartitionKey, type PropertyPath, partitionKeyOf } from "./partition-key.ts";
import { serialOf } from "./resource-id.ts";

/** Largest item and largest batch request, bytes (azure.md §6.4). */
export const maxItemBytes = 2 * 1024 * 1024;

/** One version of an item. Never changed: a write makes another. */
export interface StoredItem {
  readonly id: string;
  readonly partitionKey: PartitionKey;
  /** `partitionKey` as text. */
  readonly partition: string;
  /** Order of creation in the container. */
  readonly serial: number;
  /** Number of the transaction that wrote this version. */
  readonly lsn: number;
  /** With its quotes. */
  readonly etag: string;
  /** Time of the write, seconds since 1970. */
  readonly timestamp: number;
  /** Bytes of `document` as JSON. */
  readonly size: number;
  /** As served, system properties included. */
  readonly document: JsonObject;
}

export interface ItemKey {
  readonly partition: string;
  readonly id: string;
}

/** Makes the item of a document that has its system properties (`_rid`, `_etag`, `_ts`). */
export function toStoredItem(document: JsonObject, lsn: number, paths: readonly PropertyPath[]): StoredItem {
  const partitionKey = partitionKeyOf(document, paths);
  const size = Buffer.byteLength(JSON.stringify(document));
  if (size > maxItemBytes) throw tooLarge();
  return {
    id: textAt(document, "id"),
    partitionKey,
    partition: encodePartitionKey(partitionKey),
    serial: serialOf(textAt(document, "_rid")),
    lsn,
    etag: textAt(document, "_etag"),
    timestamp: Number(document["_ts"]),
    size,
    document,
  };
}

/** The id of a document that is to be written; 400 when there is none or it has characters that ids cannot have. */
export function parseItemId(document: JsonObject): string {
  const id = document["id"];
  if (id === undefined || id === "") {
    throw badRequest("The input content is invalid because the required properties - 'id; ' - are missing");
  }
  if (typeof id !== "string") throw badRequest("The input content is invalid because 'id' must be a string");
  if (/[/\\#]/.test(id) || id.length > 1023) throw badRequest(`The input name '${id}' is invalid.`);
  return id;
}

/** Checks a document's `ttl`: absent, -1 or a positive whole number of seconds. */
export function checkTtl(ttl: Json | undefined): void {
  if (ttl === undefined || ttl === -1) return;
  if (typeof ttl === "number" && Number.isInteger(ttl) && ttl > 0 && ttl <= 2147483647) return;
  throw badRequest(`The input ttl '${JSON.stringify(ttl)}' is invalid. It must be -1 or a positive integer.`);
}

/**
 * When an item expires, in ms since 1970; Infinity: never.
 *
 * @param defaultTtl the container's: undefined switches expiry off, -1 leaves it to the item's own `ttl`
 */
export function expiryOf(item: StoredItem, defaultTtl: number | undefined): number {
  if (defaultTtl === undefined) return Number.POSITIVE_INFINITY;
  const own = item.document["ttl"];
  const ttl = typeof own === "number" ? own : defaultTtl;
  return ttl === -1 ? Number.POSITIVE_INFINITY : (item.timestamp + ttl) * 1000;
}
