import { badRequest, methodNotAllowed, tooLarge } from "../store/cosmos-error.ts";
import { maxItemBytes } from "../store/item.ts";
import { isJsonObject, type Json, type JsonObject } from "../store/json.ts";
import type { Operation, Outcome } from "../store/operation.ts";
import { parsePatch } from "../store/patch.ts";
import { header, isFlagSet, jsonBody, type WireReply, type WireRequest } from "./exchange.ts";
import { type ItemTarget, toReply } from "./item-target.ts";
import { parsePatchCondition } from "./patch-condition.ts";
import { requestPartitionKey } from "./scope.ts";

/** POST …/docs without a query: create or upsert. */
export function createItem(request: WireRequest, target: ItemTarget): WireReply {
  const partitionKey = requestPartitionKey(request, target.container);
  const document = documentBody(request);
  const operation: Operation = isFlagSet(request, "x-ms-documentdb-is-upsert")
    ? { kind: "upsert", partitionKey, document, ifMatch: header(request, "if-match") }
    : { kind: "create", partitionKey, document };
  return perform(request, target, operation);
}

/** GET, PUT, PATCH and DELETE of …/docs/{id}. */
export function itemRoute(request: WireRequest, target: ItemTarget, id: string): WireReply {
  const partitionKey = requestPartitionKey(request, target.container);
  const ifMatch = header(request, "if-match");
  const does = (operation: Operation): WireReply => perform(request, target, operation);
  switch (request.method) {
    case "GET":
      return does({ kind: "read", partitionKey, id, ifNoneMatch: header(request, "if-none-match") });
    case "PUT":
      return does({ kind: "replace", partitionKey, id, document: documentBody(request), ifMatch });
    case "DELETE":
      return does({ kind: "delete", partitionKey, id, ifMatch });
    case "PATCH": {
      const { operations, condition } = parsePatch(jsonBody(request));
      return does({ kind: "patch", partitionKey, id, operations, condition: parsePatchCondition(condition), ifMatch });
    }
    default:
      throw methodNotAllowed(request.method);
  }
}

function perform(request: WireRequest, target: ItemTarget, operation: Operation): WireReply {
  return toReply(target, target.core.item(target.caller, operation), (outcome) => outcomeReply(request, outcome));
}

function outcomeReply(request: WireRequest, { status, item }: Outcome): WireReply {
  const minimal = header(request, "prefer") === "return=minimal" && request.method !== "GET";
  const hasBody = status === 200 || status === 201;
  return {
    status,
    headers: status === 204 ? {} : { etag: item.etag },
    body: hasBody && !minimal ? item.document : undefined,
  };
}

function documentBody(request: WireRequest): JsonObject {
  if (request.body.length > maxItemBytes) throw tooLarge();
  return toDocument(jsonBody(request));
}

/** A document that is to be written; 400 when it is not an object. */
export function toDocument(body: Json | undefined): JsonObject {
  if (!isJsonObject(body)) throw badRequest("The input content is invalid: a JSON object is needed.");
  return body;
}
