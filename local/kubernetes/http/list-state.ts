/** Which state of a collection a read shows, by `resourceVersion` and `resourceVersionMatch`. */
import { ApiError, expired, type Fault, invalid } from "../api-error.ts";
import type { KubernetesObject } from "../object.ts";
import type { Target } from "../operations/write-options.ts";
import type { World } from "../world.ts";
import { numberOf, revisionOf } from "./selection.ts";
import type { WatchFeed } from "./watch-feed.ts";

export interface ListState {
  readonly revision: number;
  readonly items: readonly KubernetesObject[];
}

/** A version that the server has not reached yet: it would wait, and then say so. */
export function checkReached(world: World, revision: number | undefined): void {
  if (revision === undefined || revision <= world.store.revision) return;
  throw new ApiError({
    code: 504,
    reason: "Timeout",
    message: `Timeout: Too large resource version: ${revision}, current: ${world.store.revision}`,
    details: {
      retryAfterSeconds: 1,
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    },
  });
}

const options = { group: "meta.k8s.io", plural: "listoptions", kind: "ListOptions" };

/** An option of a list or watch that is not allowed here. */
export function optionFault(field: string, type: Fault["type"], detail: string): ApiError {
  return invalid(options, "", [{ field, type, detail }]);
}

const matchForbidden = (why: string): ApiError =>
  optionFault("resourceVersionMatch", "FieldValueForbidden", `Forbidden: ${why}`);

function checkMatch(match: string, revision: number | undefined): void {
  if (match === "") return;
  if (revision === undefined)
    throw matchForbidden("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (match !== "Exact" && match !== "NotOlderThan") {
    const detail = `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`;
    throw optionFault("resourceVersionMatch", "FieldValueNotSupported", detail);
  }
  if (match === "Exact" && revision === 0)
    throw matchForbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
}

/**
 * The state that the query asks for: the newest when it names no version, that very one for `Exact` and for pages, else one that is not older, which
 * may be behind as the watch cache is.
 *
 * @throws ApiError 410 for one that is no longer kept, 504 for one from the future
 */
export function listState(
  { world, feed }: { world: World; feed: WatchFeed },
  { kind, namespace }: Pick<Target, "kind" | "namespace">,
  query: URLSearchParams,
): ListState {
  const { store } = world;
  const asked = revisionOf(query);
  const match = query.get("resourceVersionMatch") ?? "";
  checkMatch(match, asked);
  checkReached(world, asked);
  if (asked === undefined) return { revision: store.revision, items: store.list(kind.collection, namespace) };
  const paged = match === "" && asked > 0 && (numberOf(query, "limit") ?? 0) > 0;
  const revision = match === "Exact" || paged ? asked : Math.max(asked, feed.reached(kind.collection));
  const items = store.at(revision, kind.collection, namespace);
  if (items === "too-old") throw expired("The resourceVersion for the provided list is too old.");
  return { revision, items };
}
