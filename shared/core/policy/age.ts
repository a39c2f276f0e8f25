import { compareObjectKeys, type ObjectKey } from "../object.ts";

/** What decides between two objects that claim the same thing. */
export interface Aged {
  readonly key: ObjectKey;
  /** RFC 3339 in UTC, as Kubernetes writes it; absent counts as older than any. */
  readonly creationTimestamp?: string | undefined;
}

/** Oldest first, then namespace, then name: the one that was there first wins, whatever the order of arrival. */
export function compareAge(a: Aged, b: Aged): number {
  const [left, right] = [a.creationTimestamp ?? "", b.creationTimestamp ?? ""];
  return left < right ? -1 : left > right ? 1 : compareObjectKeys(a.key, b.key);
}
