/** Watches: streams of changes, one JSON line each, written in the same turn as the change itself. */
import { type ApiError, expired, invalid, type Status } from "../api-error.ts";
import { customResourceDefinitionKind } from "../kinds/custom-resource-definition.ts";
import { apiVersionOf } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";
import type { Target } from "../operations/write-options.ts";
import type { Change, ChangeType } from "../store/object-store.ts";
import { buildTable, partialMetadata } from "../tables/table.ts";
import type { World } from "../world.ts";
import type { Call } from "./call.ts";
import { negotiate } from "./media-type.ts";
import { objectText } from "./object-json.ts";
import { checkReached, includeOf, objectForms } from "./read.ts";
import { isTrue, numberOf, parseSelection, type Selection } from "./selection.ts";

const bookmarkEvery = 60_000;
const shortestLife = 30 * 60;
/** A client that leaves so many bytes unread is sent away; it lists again when it comes back. */
const unreadLimit = 32 * 1024 * 1024;

/** What a change means to a watch: an object may enter or leave the selection by being changed. */
function watchEvent(
  { type, object, previous }: Change,
  selection: Selection,
): { type: ChangeType; stored: KubernetesObject } | undefined {
  const now = type !== "DELETED" && selection.matches(object);
  const before = previous !== undefined && selection.matches(previous);
  if (now) return { type: before ? "MODIFIED" : "ADDED", stored: object };
  if (!before || previous === undefined) return undefined;
  if (type === "DELETED") return { type, stored: object };
  const { resourceVersion } = object.metadata;
  return { type: "DELETED", stored: { ...previous, metadata: { ...previous.metadata, resourceVersion } } };
}

interface Encoder {
  object(stored: KubernetesObject): string;
  bookmark(revision: number, annotations?: Readonly<Record<string, string>>): string;
}

function createEncoder(world: World, call: Call, { kind }: Selection): Encoder {
  const { form } = negotiate(call.request.headers.accept, objectForms);
  const includeObject = includeOf(call.query);
  let headers = true;
  const table = (items: readonly KubernetesObject[], metadata: object): string => {
    const text = JSON.stringify(buildTable(kind, { items, metadata }, { includeObject, headers, now: world.now() }));
    headers = false;
    return text;
  };
  return {
    object(stored) {
      if (form === "partial-metadata") return JSON.stringify(partialMetadata(stored));
      if (form === "object") return objectText(kind, stored);
      return table([kind.fromStored(stored)], { resourceVersion: stored.metadata.resourceVersion });
    },
    bookmark(revision, annotations) {
      const metadata = {
        resourceVersion: String(revision),
        creationTimestamp: null,
        ...(annotations === undefined ? {} : { annotations }),
      };
      if (form === "table") return table([], metadata);
      const type =
        form === "object"
          ? { kind: kind.kind, apiVersion: apiVersionOf(kind) }
          : { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" };
      return JSON.stringify({ ...type, metadata });
    },
  };
}

interface Start {
  /** All present objects come first, as ADDED. */
  readonly initial: boolean;
  /** The stream begins behind this revision. */
  readonly revision: number;
  /** The list at the beginning ends with a bookmark. */
  readonly endMark: boolean;
}

function parseStart(world: World, { query }: Call): Start {
  const revision = numberOf(query, "resourceVersion") ?? 0;
  const sendInitial = query.get("sendInitialEvents");
  const match = query.get("resourceVersionMatch") ?? "";
  if (sendInitial === null) {
    if (match !== "") {
      throw matchFault("Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    }
    return { initial: revision === 0, revision: revision === 0 ? world.store.revision : revision, endMark: false };
  }
  if (match !== "NotOlderThan") {
    throw matchFault("Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  checkReached(world, revision);
  const initial = isTrue(query, "sendInitialEvents");
  const from = initial || revision === 0 ? world.store.revision : revision;
  return { initial, revision: from, endMark: initial && isTrue(query, "allowWatchBookmarks") };
}

function matchFault(detail: string): ApiError {
  const options = { group: "meta.k8s.io", plural: "listoptions", kind: "ListOptions" };
  return invalid(options, "", [{ field: "resourceVersionMatch", type: "FieldValueForbidden", detail }]);
}

/** All open watches of a server. */
export interface Watches extends Disposable {
  open(call: Call, target: Target): void;
  /** How many are open. */
  readonly count: number;
}

export function createWatches(world: World): Watches {
  const open = new Set<() => void>();
  return {
    get count() {
      return open.size;
    },
    open(call, target) {
      const end = startWatch(world, call, { target, ended: () => open.delete(end) });
      open.add(end);
      if (call.response.writableEnded) open.delete(end);
    },
    [Symbol.dispose]() {
      for (const end of open) end();
    },
  };
}

/** The CustomResourceDefinition of a watched kind was changed or removed, so its objects may look different now. */
function endsWatch({ collection, object, previous, type }: Change, { kind }: Target): boolean {
  if (!kind.custom || collection !== customResourceDefinitionKind.collection) return false;
  if (object.metadata.name !== `${kind.plural}.${kind.group}`) return false;
  return type === "DELETED" || object.metadata.generation !== previous?.metadata.generation;
}

function startWatch(world: World, call: Call, { target, ended }: { target: Target; ended: () => void }): () => void {
  const { store } = world;
  const { response, query } = call;
  const start = parseStart(world, call);
  const selection = parseSelection(target, query);
  const encoder = createEncoder(world, call, selection);
  const bookmarks = isTrue(query, "allowWatchBookmarks");
  const write = (type: string, object: string): void => {
    response.write(`{"type":"${type}","object":${object}}\n`);
    if (response.writableLength > unreadLimit) response.destroy();
  };
  const pass = (change: Change): void => {
    if (change.collection !== target.kind.collection) return;
    const event = watchEvent(change, selection);
    if (event !== undefined) write(event.type, encoder.object(event.stored));
  };
  response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-cache, private" });
  response.flushHeaders();
  if (start.initial) {
    const present = store.list(target.kind.collection, target.namespace);
    for (const stored of present) if (selection.matches(stored)) write("ADDED", encoder.object(stored));
    if (start.endMark) write("BOOKMARK", encoder.bookmark(store.revision, { "k8s.io/initial-events-end": "true" }));
  }
  const missed = store.since(start.revision);
  if (missed === "too-old") {
    const { status } = expired(`too old resource version: ${start.revision} (${store.revision})`);
    write("ERROR", JSON.stringify(status satisfies Status));
    response.end();
    return () => undefined;
  }
  for (const change of missed) pass(change);

  const unsubscribe = store.subscribe((change) => {
    pass(change);
    if (endsWatch(change, target)) end();
  });
  const life = (numberOf(query, "timeoutSeconds") || shortestLife * (1 + Math.random())) * 1000;
  const mark = (): void => write("BOOKMARK", encoder.bookmark(store.revision));
  const timers = [setTimeout(() => end(), life)];
  if (bookmarks) timers.push(setInterval(mark, bookmarkEvery), setTimeout(mark, Math.max(0, life - 2000)));
  const stop = (): void => {
    unsubscribe();
    for (const timer of timers) clearTimeout(timer);
    ended();
  };
  const end = (): void => {
    stop();
    response.end();
  };
  response.on("close", stop);
  return end;
}
