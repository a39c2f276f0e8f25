import { chargeOf } from "../core/cosmos-core.ts";
import { attempt, maxBatchOperations } from "../store/batch.ts";
import { badRequest, CosmosError, failedDependency, tooLarge } from "../store/cosmos-error.ts";
import { maxItemBytes } from "../store/item.ts";
import type { Json, JsonObject } from "../store/json.ts";
import type { Operation, Outcome } from "../store/operation.ts";
import type { PartitionKey } from "../store/partition-key.ts";
import { parsePatch } from "../store/patch.ts";
import { header, isFlagSet, jsonBody, type WireReply, type WireRequest } from "./exchange.ts";
import { toDocument } from "./item-routes.ts";
import { type ItemTarget, toReply } from "./item-target.ts";
import { parsePatchCondition } from "./patch-condition.ts";
import { completePartitionKey, requestPartitionKey } from "./scope.ts";

/** POST …/docs with `x-ms-cosmos-is-batch-request`: a transactional batch, or a bulk of independent operations. */
export function batchRoute(request: WireRequest, target: ItemTarget): WireReply {
  if (request.body.length > maxItemBytes) throw tooLarge();
  const list = jsonBody(request);
  if (!Array.isArray(list) || list.length === 0) throw badRequest("The batch request has no operations.");
  if (list.length > maxBatchOperations) {
    throw badRequest(
      `Batch request has more operations than what is supported: ${list.length} > ${maxBatchOperations}.`,
    );
  }
  const minimal = header(request, "prefer") === "return=minimal";
  if (!isFlagSet(request, "x-ms-cosmos-batch-atomic")) {
    return bulkReply(target, runBulk(list, request, target), minimal);
  }
  const partitionKey = requestPartitionKey(request, target.container);
  const operations = list.map((body) => parseOperation(toDocument(body), partitionKey));
  return toReply(target, target.core.batch(target.caller, operations), (outcomes) => outcomesReply(outcomes, minimal));
}

type Outcomes = readonly (Outcome | CosmosError)[];

/** Operations of a bulk are requests of their own: each has its partition key, its rights and its faults. */
function runBulk(list: readonly Json[], request: WireRequest, { core, caller, container }: ItemTarget): Outcomes {
  const goesOn = isFlagSet(request, "x-ms-cosmos-batch-continue-on-error");
  let stopped = false;
  return list.map((body) => {
    if (stopped) return failedDependency();
    const outcome = attempt(() => {
      const document = toDocument(body);
      const key = document["partitionKey"];
      const partitionKey = completePartitionKey(typeof key === "string" ? key : JSON.stringify(key ?? null), container);
      return core.item(caller, parseOperation(document, partitionKey)).result;
    });
    stopped = outcome instanceof CosmosError && !goesOn;
    return outcome;
  });
}

function bulkReply(target: ItemTarget, outcomes: Outcomes, minimal: boolean): WireReply {
  const charge = outcomes.reduce((sum, outcome) => sum + chargeOf(outcome), 0);
  const answer = { result: outcomes, charge, lsn: target.container.data.lsn };
  return toReply(target, answer, (results) => outcomesReply(results, minimal));
}

function outcomesReply(outcomes: Outcomes, minimal: boolean): WireReply {
  const failed = outcomes.some((outcome) => outcome instanceof CosmosError);
  return { status: failed ? 207 : 200, headers: {}, body: outcomes.map((outcome) => toResult(outcome, minimal)) };
}

function parseOperation(body: JsonObject, partitionKey: PartitionKey): Operation {
  const resource = body["resourceBody"];
  const ifMatch = optionalText(body, "ifMatch");
  const id = (): string => optionalText(body, "id") ?? missing("id");
  switch (body["operationType"]) {
    case "Create":
      return { kind: "create", partitionKey, document: toDocument(resource) };
    case "Upsert":
      return { kind: "upsert", partitionKey, document: toDocument(resource), ifMatch };
    case "Replace":
      return { kind: "replace", partitionKey, id: id(), document: toDocument(resource), ifMatch };
    case "Read":
      return { kind: "read", partitionKey, id: id(), ifNoneMatch: optionalText(body, "ifNoneMatch") };
    case "Delete":
      return { kind: "delete", partitionKey, id: id(), ifMatch };
    case "Patch": {
      const { operations, condition } = parsePatch(resource);
      return { kind: "patch", partitionKey, id: id(), operations, condition: parsePatchCondition(condition), ifMatch };
    }
    default:
      throw badRequest(
        `The operation type ${JSON.stringify(body["operationType"] ?? null)} is not supported in a batch.`,
      );
  }
}

function optionalText(body: JsonObject, name: string): string | undefined {
  const value = body[name];
  return typeof value === "string" ? value : undefined;
}

function missing(name: string): never {
  throw badRequest(`An operation of the batch has no '${name}'.`);
}

function toResult(outcome: Outcome | CosmosError, minimal: boolean): JsonObject {
  if (outcome instanceof CosmosError) {
    const { status, substatus, retryAfter, message } = outcome;
    return {
      statusCode: status,
      requestCharge: chargeOf(outcome),
      message,
      ...(substatus === undefined ? {} : { subStatusCode: substatus }),
      ...(retryAfter === undefined ? {} : { retryAfterMilliseconds: retryAfter }),
    };
  }
  const result = { statusCode: outcome.status, requestCharge: outcome.charge };
  if (outcome.status === 204) return result;
  const withEtag = { ...result, eTag: outcome.item.etag };
  return outcome.status === 304 || minimal ? withEtag : { ...withEtag, resourceBody: outcome.item.document };
}
