import type { Container } from "../store/account.ts";
import { runBatch } from "../store/batch.ts";
import { badRequest, CosmosError, methodNotAllowed, tooLarge } from "../store/cosmos-error.ts";
import type { WriteContext } from "../store/draft.ts";
import { maxItemBytes } from "../store/item.ts";
import { isJsonObject, type Json, type JsonObject } from "../store/json.ts";
import type { Operation, Outcome } from "../store/operation.ts";
import { parsePatch } from "../store/patch.ts";
import { header, isFlagSet, jsonBody, type WireReply, type WireRequest } from "./exchange.ts";
import { parsePatchCondition } from "./patch-condition.ts";
import { requestPartitionKey } from "./scope.ts";

/** POST …/docs without a query: create or upsert. */
export function createItem(request: WireRequest, container: Container, context: WriteContext): WireReply {
  const partitionKey = requestPartitionKey(request, container);
  const document = documentBody(request);
  const operation: Operation = isFlagSet(request, "x-ms-documentdb-is-upsert")
    ? { kind: "upsert", partitionKey, document, ifMatch: header(request, "if-match") }
    : { kind: "create", partitionKey, document };
  return perform(request, container, { operation, context });
}

/** GET, PUT, PATCH and DELETE of …/docs/{id}. */
export function itemRoute(
  request: WireRequest,
  target: { readonly container: Container; readonly id: string },
  context: WriteContext,
): WireReply {
  const { container, id } = target;
  const partitionKey = requestPartitionKey(request, container);
  const ifMatch = header(request, "if-match");
  const does = (operation: Operation): WireReply => perform(request, container, { operation, context });
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

function perform(
  request: WireRequest,
  container: Container,
  { operation, context }: { readonly operation: Operation; readonly context: WriteContext },
): WireReply {
  const { outcomes, transaction } = runBatch(container.data, [operation], context);
  const [outcome] = outcomes;
  if (outcome === undefined || outcome instanceof CosmosError) throw outcome ?? badRequest("Nothing to do.");
  container.commit(transaction);
  return toReply(request, outcome);
}

function toReply(request: WireRequest, outcome: Outcome): WireReply {
  const minimal = header(request, "prefer") === "return=minimal" && request.method !== "GET";
  const hasBody = outcome.status === 200 || outcome.status === 201;
  return {
    status: outcome.status,
    headers: {
      ...(outcome.status === 204 ? {} : { etag: outcome.item.etag }),
      "x-ms-request-charge": String(outcome.charge),
    },
    body: hasBody && !minimal ? outcome.item.document : undefined,
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
