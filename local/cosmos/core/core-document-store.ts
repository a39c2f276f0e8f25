import {
  bodyOf,
  type CosmosItem,
  everywhereQuery,
  itemOf,
  listQuery,
  markOf,
  marksQuery,
  partitionOf,
} from "../../../shared/adapters/azure/cosmos-documents.ts";
import { CosmosRefused, type RetryOptions, withRetries } from "../../../shared/adapters/azure/cosmos-refusal.ts";
import type {
  BatchOperation,
  Container,
  DocumentStore,
  DocumentSweeping,
  NewDocument,
} from "../../../shared/ports/document-store.ts";
import { checkBatch, checkDocument, checkSize } from "../../../shared/shell/document-limits.ts";
import { CosmosError } from "../store/cosmos-error.ts";
import type { Json, JsonObject } from "../store/json.ts";
import type { Operation } from "../store/operation.ts";
import { AnswerLost } from "./answer-lost.ts";
import type { CosmosCore, QueryRequest } from "./cosmos-core.ts";
import type { Answer, Caller } from "./gate.ts";
import type { Principal } from "./rights.ts";

export interface CoreDocumentStoreOptions {
  readonly core: CosmosCore;
  readonly database: string;
  /** Holder of the key when absent. */
  readonly principal?: Principal;
  /** What is retried and for how long, on the caller's own clock. */
  readonly retries: RetryOptions;
}

/** Most items of a page, as the SDK asks. */
const pageItems = 100;

/**
 * DocumentStore over a core in this process: no sockets, no timers, and the SDK's behaviour where it shows (a session of
 * its own, the adapter's retries, an unclear answer as `unavailable`). One store is one client.
 */
export function createCoreDocumentStore(options: CoreDocumentStoreOptions): DocumentStore {
  const { core, database, principal = { kind: "key" } } = options;
  const sessions = new Map<Container, number>();

  const request = <Result>(name: Container, ask: (caller: Caller) => Answer<Result>): Promise<Result> =>
    withRetries(async () => {
      const answer = answerOf(() => ask({ principal, database, container: name, session: sessions.get(name) }));
      sessions.set(name, Math.max(sessions.get(name) ?? 0, answer.lsn));
      if (answer.result instanceof CosmosError) throw refused(answer.result);
      return answer.result;
    }, options.retries);

  /** All pages of a query. */
  const findAll = async (name: Container, query: Omit<QueryRequest, "maxItems" | "continuation">) => {
    const found: JsonObject[] = [];
    let continuation: string | undefined;
    do {
      const page = await request(name, (caller) => core.query(caller, { ...query, maxItems: pageItems, continuation }));
      for (const item of page.results) found.push(item as JsonObject);
      ({ continuation } = page);
    } while (continuation !== undefined);
    return found;
  };

  return {
    async get<Body>(name: Container, partition: string, id: string) {
      const operation: Operation = { kind: "read", partitionKey: [partition], id, ifNoneMatch: undefined };
      const found = await request(name, (caller) => {
        const answer = core.item(caller, operation);
        const { result } = answer;
        // An item that is not there is an answer; without its container there is none.
        const gone = result instanceof CosmosError && result.status === 404 && result.substatus === undefined;
        return gone ? { ...answer, result: undefined } : { ...answer, result };
      });
      return found === undefined
        ? undefined
        : { body: bodyOf<Body>(copyOf(found.item.document)), etag: found.item.etag };
    },
    async put(name, document) {
      checkDocument(document);
      const operation = operationOf(name, { kind: "put", document });
      await request(name, (caller) => core.item(caller, operation));
    },
    async batch(name, operations) {
      if (operations.length === 0) return;
      checkBatch(operations);
      checkSize(operations.map(({ document }) => JSON.stringify(document.body)));
      const inputs = operations.map((operation) => operationOf(name, operation));
      await request(name, (caller) => {
        const answer = core.batch(caller, inputs);
        const outcomes = answer.result instanceof CosmosError ? [answer.result] : answer.result;
        const failed = outcomes.find((one): one is CosmosError => one instanceof CosmosError && one.status !== 424);
        return failed === undefined ? answer : { ...answer, result: asBatchRefusal(failed) };
      });
    },
    async list<Body>(name: Container, partition: string, range: { readonly prefix: string; readonly limit: number }) {
      const { query, parameters } = listQuery(range);
      const scope = { kind: "key", key: [partition] } as const;
      const items = await findAll(name, { text: query, parameters: valuesOf(parameters), scope });
      return items.toReversed().map((item) => bodyOf<Body>(copyOf(item)));
    },
    async partitionsWith(name, id) {
      const { query, parameters } = everywhereQuery(id);
      const items = await findAll(name, { text: query, parameters: valuesOf(parameters), scope: { kind: "all" } });
      return items.map((item) => partitionOf(name, item)).sort();
    },
    sweeping: sweepingOver({ core, request, findAll }),
  };
}

interface Requests {
  readonly core: CosmosCore;
  readonly request: <Result>(name: Container, ask: (caller: Caller) => Answer<Result>) => Promise<Result>;
  readonly findAll: (
    name: Container,
    query: Omit<QueryRequest, "maxItems" | "continuation">,
  ) => Promise<readonly JsonObject[]>;
}

function sweepingOver({ core, request, findAll }: Requests): DocumentSweeping {
  return {
    async marks(name, partition, range) {
      const { query, parameters } = marksQuery(range);
      const scope = { kind: "key", key: [partition] } as const;
      const items = await findAll(name, { text: query, parameters: valuesOf(parameters), scope });
      return items.map((item) => markOf(copyOf(item) as CosmosItem));
    },
    async remove(name, partition, { id, etag }) {
      const operation: Operation = { kind: "delete", partitionKey: [partition], id, ifMatch: etag };
      return request(name, (caller) => {
        const answer = core.item(caller, operation);
        const { result } = answer;
        if (!(result instanceof CosmosError)) return { ...answer, result: true };
        const gone = result.status === 412 || (result.status === 404 && result.substatus === undefined);
        return { ...answer, result: gone ? false : result };
      });
    },
  };
}

function answerOf<Result>(ask: () => Answer<Result>): Answer<Result> {
  try {
    return ask();
  } catch (error) {
    if (error instanceof AnswerLost) throw new CosmosRefused({ status: 0, message: error.message, cause: error });
    throw error;
  }
}

function refused({ status, substatus, retryAfter, message }: CosmosError): CosmosRefused {
  return new CosmosRefused({ status, substatus, retryAfter, message });
}

/** What is not there cannot have the etag that a replacement asks for. */
function asBatchRefusal(error: CosmosError): CosmosError {
  return error.status === 404 && error.substatus === undefined ? new CosmosError(412, error.message) : error;
}

function operationOf(name: Container, operation: BatchOperation): Operation {
  const document = jsonOf(name, operation.document);
  const partitionKey = [operation.document.partition];
  switch (operation.kind) {
    case "put":
      return { kind: "upsert", partitionKey, document, ifMatch: undefined };
    case "create":
      return { kind: "create", partitionKey, document };
    case "replace":
      return { kind: "replace", partitionKey, id: operation.document.id, document, ifMatch: operation.etag };
  }
}

/** As the wire would carry it: a copy without what JSON does not have. */
function jsonOf(name: Container, document: NewDocument): JsonObject {
  return JSON.parse(JSON.stringify(itemOf(name, document))) as JsonObject;
}

function copyOf(item: JsonObject): JsonObject {
  return structuredClone(item);
}

function valuesOf(parameters: readonly { readonly name: string; readonly value: Json }[]): ReadonlyMap<string, Json> {
  return new Map(parameters.map(({ name, value }) => [name, value]));
}
