import type { ReadView } from "./container-data.ts";
import type { StoredItem } from "./item.ts";
import type { Scope } from "./partition.ts";

/** Largest page of a feed or query, bytes (azure.md §6.4). */
export const maxPageBytes = 4 * 1024 * 1024;

export interface FeedRequest {
  readonly scope: Scope;
  /** Only what was written after this lsn. */
  readonly after: number;
  /** Only what was written at or after this second since 1970. */
  readonly since: number;
  /** Soft limit: a transaction is never cut in two. */
  readonly maxItems: number;
}

export interface FeedPage {
  readonly items: readonly StoredItem[];
  /** The lsn to go on from. */
  readonly position: number;
  /** Bytes of the items. */
  readonly bytes: number;
}

/**
 * One page of the change feed in latest-version mode: the newest version of each item in the order of writing, no
 * deletes, no versions in between.
 */
export function readChangeFeed(data: ReadView, request: FeedRequest, now: number): FeedPage {
  const items: StoredItem[] = [];
  let bytes = 0;
  for (const item of data.changes(request.scope, request.after, now)) {
    if (item.timestamp < request.since) continue;
    const last = items.at(-1);
    const full = items.length >= request.maxItems || bytes + item.size > maxPageBytes;
    if (last !== undefined && full && item.lsn !== last.lsn) return { items, position: last.lsn, bytes };
    items.push(item);
    bytes += item.size;
  }
  return { items, position: Math.max(data.lsn, request.after), bytes };
}
