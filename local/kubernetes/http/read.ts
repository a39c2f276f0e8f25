/** GET of one object, and of lists. */
import { randomUUID } from "node:crypto";
import { badRequest, expired, notFound } from "../api-error.ts";
import { apiVersionOf, type Kind } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";
import { storedObject } from "../operations/update.ts";
import type { Target } from "../operations/write-options.ts";
import { buildTable, type IncludeObject, partialMetadata } from "../tables/table.ts";
import type { World } from "../world.ts";
import { answer, answerText, type Call } from "./call.ts";
import { listState } from "./list-state.ts";
import { negotiate, type Wanted } from "./media-type.ts";
import { itemText, objectText } from "./object-json.ts";
import { numberOf, parseSelection, revisionOf } from "./selection.ts";
import type { WatchFeed } from "./watch-feed.ts";

export const objectForms = ["object", "table", "partial-metadata"] as const;

export function includeOf(query: URLSearchParams): IncludeObject {
  const wanted = query.get("includeObject") ?? "Metadata";
  if (wanted === "None" || wanted === "Metadata" || wanted === "Object") return wanted;
  throw badRequest(`includeObject: Invalid value: ${JSON.stringify(wanted)}: must be None, Metadata or Object`);
}

export function getObject(world: World, call: Call, { target, feed }: { target: Target; feed: WatchFeed }): void {
  const { kind } = target;
  const wanted = negotiate(call.request.headers.accept, objectForms);
  answerObject(world, call, { kind, stored: readObject(world, call, { target, feed }), wanted, code: 200 });
}

/** The newest, or for a read that allows old data what the watch cache knows. */
function readObject(
  world: World,
  { query }: Call,
  { target, feed }: { target: Target; feed: WatchFeed },
): KubernetesObject {
  if (revisionOf(query) === undefined) return storedObject(world, target);
  const { items } = listState({ world, feed }, target, query);
  const found = items.find(({ metadata }) => metadata.name === target.name);
  if (found === undefined) throw notFound(target.kind, target.name ?? "");
  return found;
}

/** Answers with one stored object in the wanted form. */
function answerObject(
  world: World,
  call: Call,
  { kind, stored, wanted, code }: { kind: Kind; stored: KubernetesObject; wanted: Wanted; code: number },
): void {
  const { contentType } = wanted;
  if (wanted.form === "table") {
    const { resourceVersion } = stored.metadata;
    const objects = { items: [kind.fromStored(stored)], metadata: { resourceVersion } };
    answer(
      call,
      code,
      buildTable(kind, objects, { includeObject: includeOf(call.query), headers: true, now: world.now() }),
    );
  } else if (wanted.form === "partial-metadata") {
    answer(call, code, partialMetadata(stored));
  } else {
    answerText(call, code, { text: `${objectText(kind, stored)}\n`, contentType });
  }
}

interface Page {
  readonly revision: number;
  readonly items: readonly KubernetesObject[];
  readonly next: string | undefined;
  readonly remaining: number;
}

/** Lists in the making: what a `continue` token leads to is the list as it was when its first page was read. */
export interface Pages {
  first(list: { revision: number; items: readonly KubernetesObject[] }, limit: number): Page;
  next(token: string, limit: number): Page;
}

const keptPages = 200;

export function createPages(): Pages {
  const waiting = new Map<string, { revision: number; items: readonly KubernetesObject[] }>();
  const page = ({ revision, items }: { revision: number; items: readonly KubernetesObject[] }, limit: number): Page => {
    const rest = items.slice(limit);
    if (limit === 0 || rest.length === 0) return { revision, items, next: undefined, remaining: 0 };
    const next = Buffer.from(randomUUID()).toString("base64url");
    waiting.set(next, { revision, items: rest });
    for (const token of waiting.keys()) {
      if (waiting.size <= keptPages) break;
      waiting.delete(token);
    }
    return { revision, items: items.slice(0, limit), next, remaining: rest.length };
  };
  return {
    first: page,
    next(token, limit) {
      const found = waiting.get(token);
      if (found === undefined) {
        throw expired(
          "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.",
        );
      }
      return page(found, limit);
    },
  };
}

export function listObjects(
  world: World,
  call: Call,
  { target, pages, feed }: { target: Target; pages: Pages; feed: WatchFeed },
): void {
  const { kind } = target;
  const { query } = call;
  const wanted = negotiate(call.request.headers.accept, objectForms);
  const limit = numberOf(query, "limit") ?? 0;
  const token = query.get("continue");
  const selection = parseSelection(target, query);
  const selected = Boolean(query.get("labelSelector") || query.get("fieldSelector"));
  const first = (): Page => {
    const { revision, items } = listState({ world, feed }, target, query);
    return pages.first({ revision, items: items.filter((stored) => selection.matches(stored)) }, limit);
  };
  const page = token ? pages.next(token, limit) : first();
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.next === undefined ? {} : { continue: page.next }),
    // Nobody counts what a selector would find.
    ...(page.next === undefined || selected ? {} : { remainingItemCount: page.remaining }),
  };
  answerList(world, call, { kind, items: page.items, metadata, wanted });
}

function answerList(
  world: World,
  call: Call,
  list: { kind: Kind; items: readonly KubernetesObject[]; metadata: object; wanted: Wanted },
): void {
  const { kind, items, metadata, wanted } = list;
  if (wanted.form === "table") {
    const objects = { items: items.map((stored) => kind.fromStored(stored)), metadata };
    answer(
      call,
      200,
      buildTable(kind, objects, { includeObject: includeOf(call.query), headers: true, now: world.now() }),
    );
    return;
  }
  if (wanted.form === "partial-metadata") {
    const objects = items.map(partialMetadata);
    answer(call, 200, { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata, items: objects });
    return;
  }
  const head = JSON.stringify({ kind: kind.listKind, apiVersion: apiVersionOf(kind), metadata });
  const text = `${head.slice(0, -1)},"items":[${items.map((stored) => itemText(kind, stored)).join(",")}]}\n`;
  answerText(call, 200, { text, contentType: wanted.contentType });
}
