/** Watches: streams of changes, one JSON line each, written in the same turn as the change itself. */
import type { Clock } from "../../../shared/ports/clock.ts";
import type { FaultInjector } from "../../faults/fault-injector.ts";
import { type ApiError, expired, type Status } from "../api-error.ts";
import type { KubernetesFault } from "../faults.ts";
import { customResourceDefinitionKind } from "../kinds/custom-resource-definition.ts";
import { apiVersionOf } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";
import type { Target } from "../operations/write-options.ts";
import type { Change, ChangeType } from "../store/object-store.ts";
import { buildTable, partialMetadata } from "../tables/table.ts";
import type { World } from "../world.ts";
import type { Call } from "./call.ts";
import { checkReached, optionFault } from "./list-state.ts";
import { negotiate } from "./media-type.ts";
import { objectText } from "./object-json.ts";
import { includeOf, objectForms } from "./read.ts";
import { isTrue, numberOf, parseSelection, revisionOf, type Selection } from "./selection.ts";
import { createWatchFeed, type Delivery, type WatchFeed } from "./watch-feed.ts";

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

function parseStart(world: World, { query }: Call, reached: number): Start {
  const asked = revisionOf(query);
  const revision = asked ?? 0;
  // "0" is content with what the watch cache knows, no version at all wants the newest.
  const present = asked === 0 ? reached : world.store.revision;
  const sendInitial = query.get("sendInitialEvents");
  const match = query.get("resourceVersionMatch") ?? "";
  if (sendInitial === null) {
    if (match !== "") {
      throw matchFault("Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    }
    return { initial: revision === 0, revision: revision === 0 ? present : revision, endMark: false };
  }
  if (match !== "NotOlderThan") {
    throw matchFault("Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  checkReached(world, revision);
  const initial = isTrue(query, "sendInitialEvents");
  const from = initial || revision === 0 ? Math.max(present, revision) : revision;
  return { initial, revision: from, endMark: initial && isTrue(query, "allowWatchBookmarks") };
}

const matchFault = (detail: string): ApiError => optionFault("resourceVersionMatch", "FieldValueForbidden", detail);

/** All open watches of a server. */
export interface Watches extends Disposable {
  open(call: Call, target: Target): void;
  /** Breaks all that are open; what was on its way to them is lost. */
  readonly closeAll: () => void;
  readonly feed: WatchFeed;
}

export function createWatches(world: World, faults: FaultInjector<KubernetesFault>, clock: Clock): Watches {
  const open = new Set<() => void>();
  const feed = createWatchFeed(world.store, faults, clock);
  const closeAll = (): void => {
    for (const end of open) end();
  };
  return {
    feed,
    open(call, target) {
      const end = startWatch({ world, feed }, call, { target, ended: () => open.delete(end) });
      open.add(end);
      if (call.response.writableEnded) open.delete(end);
    },
    closeAll() {
      closeAll();
      feed.drop();
    },
    [Symbol.dispose]() {
      closeAll();
      feed[Symbol.dispose]();
    },
  };
}

/** The CustomResourceDefinition of a watched kind was changed or removed, so its objects may look different now. */
function endsWatch({ collection, object, previous, type }: Change, { kind }: Target): boolean {
  if (!kind.custom || collection !== customResourceDefinitionKind.collection) return false;
  if (object.metadata.name !== `${kind.plural}.${kind.group}`) return false;
  return type === "DELETED" || object.metadata.generation !== previous?.metadata.generation;
}

interface Watching {
  readonly target: Target;
  /** Called once, when the watch has ended. */
  readonly ended: () => void;
}

function startWatch(
  { world, feed }: { world: World; feed: WatchFeed },
  call: Call,
  { target, ended }: Watching,
): () => void {
  const { store } = world;
  const { response, query } = call;
  const { collection } = target.kind;
  const start = parseStart(world, call, feed.reached(collection));
  const selection = parseSelection(target, query);
  const encoder = createEncoder(world, call, selection);
  const bookmarks = isTrue(query, "allowWatchBookmarks");
  const write = (type: string, object: string): void => {
    response.write(`{"type":"${type}","object":${object}}\n`);
    if (response.writableLength > unreadLimit) response.destroy();
  };
  const pass = (change: Change): void => {
    // A version from the future, of a store that went back, hears nothing until it is reached.
    if (change.collection !== collection || change.revision <= start.revision) return;
    const event = watchEvent(change, selection);
    if (event !== undefined) write(event.type, encoder.object(event.stored));
  };
  response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-cache, private" });
  response.flushHeaders();
  const present = start.initial ? store.at(start.revision, collection, target.namespace) : [];
  const missed = store.since(start.revision);
  if (call.expired || missed === "too-old" || present === "too-old") {
    write("ERROR", tooOld(start.revision, store.revision));
    response.end();
    return () => undefined;
  }
  for (const stored of present) if (selection.matches(stored)) write("ADDED", encoder.object(stored));
  if (start.endMark) write("BOOKMARK", encoder.bookmark(start.revision, { "k8s.io/initial-events-end": "true" }));
  const reached = feed.reached(collection);
  for (const change of missed) if (change.revision <= reached) pass(change);

  const hear = ({ change, instead }: Delivery): void => {
    if (instead === undefined || change.collection !== collection) pass(change);
    else {
      if (instead === "expire") write("ERROR", tooOld(change.revision - 1, store.revision));
      end();
    }
    if (endsWatch(change, target)) end();
  };
  const unsubscribe = feed.subscribe(hear);
  const life = (numberOf(query, "timeoutSeconds") || shortestLife * (1 + Math.random())) * 1000;
  // A bookmark from before the start would take the client back.
  const mark = (): void => write("BOOKMARK", encoder.bookmark(Math.max(start.revision, feed.reached(collection))));
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

const tooOld = (revision: number, newest: number): string =>
  JSON.stringify(expired(`too old resource version: ${revision} (${newest})`).status satisfies Status);
