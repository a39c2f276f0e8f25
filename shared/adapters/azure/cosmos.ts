import { setTimeout as sleep } from "node:timers/promises";
import { CosmosClient, type Container as CosmosContainer, type OperationInput } from "@azure/cosmos";
import type { TokenCredential } from "@azure/identity";
import type { BatchOperation, Container, DocumentStore } from "../../ports/document-store.ts";
import { checkBatch, checkDocument } from "../../shell/document-limits.ts";
import { MeshError } from "../../shell/mesh-error.ts";
import { withTimeLimit } from "../../shell/time-limit.ts";
import {
  bodyOf,
  type CosmosItem,
  type CosmosQuery,
  everywhereQuery,
  itemOf,
  listQuery,
  markOf,
  marksQuery,
  partitionOf,
} from "./cosmos-documents.ts";
import { CosmosRefused, isBehindSession, withRetries } from "./cosmos-refusal.ts";

export interface CosmosOptions {
  /** `AccountEndpoint=…;AccountKey=…;`, or the endpoint with a credential. */
  readonly connection:
    | { readonly connectionString: string }
    | { readonly endpoint: string; readonly credential: TokenCredential };
  readonly database: string;
  /** How long what was throttled is tried again, ms; 5 s when absent. */
  readonly retryFor?: number;
  /** How long an answer is waited for, ms; 15 s when absent. The SDK gives a single attempt half of it. */
  readonly answerWithin?: number;
}

const defaultRetryFor = 5_000;
const defaultAnswerWithin = 15_000;

/** One request, tried again as long as it was surely not done. @throws MeshError */
type Request = <Result>(
  name: Container,
  call: (container: CosmosContainer, abortSignal: AbortSignal) => Promise<Result>,
) => Promise<Result>;

/**
 * The SDK's own retries of throttled requests are off: one policy (`withRetries`) holds for all requests, batches too.
 * Reads show the session, so that this process reads what it wrote.
 */
function createRequests(options: CosmosOptions): Request {
  const { retryFor = defaultRetryFor, answerWithin = defaultAnswerWithin } = options;
  const retries = { limit: retryFor, now: () => performance.now(), pause: sleep, random: Math.random };
  let client = clientOf(options, answerWithin);

  /** A session that the account cannot follow any more (it was restored, or made anew) ends with its client. */
  const beginSession = (): void => {
    client.dispose();
    client = clientOf(options, answerWithin);
  };
  return (name, call) => {
    let behind = 0;
    return withRetries(async () => {
      try {
        const container = client.database(options.database).container(name);
        return await answerOf((signal) => call(container, signal), answerWithin);
      } catch (error) {
        if (error instanceof MeshError) throw error;
        const refused = toRefused(error);
        if (isBehindSession(refused.refusal)) behind += 1;
        if (behind === patience) beginSession();
        throw refused;
      }
    }, retries);
  };
}

/** DocumentStore over the SDK. */
export function createCosmosDocumentStore(options: CosmosOptions): DocumentStore {
  const request = createRequests(options);
  /** All that a query finds: of one partition, or of all. */
  const findAll = (name: Container, query: CosmosQuery, partition?: string): Promise<readonly CosmosItem[]> =>
    request(name, async ({ items }, abortSignal) => {
      const feed = partition === undefined ? { abortSignal } : { abortSignal, partitionKey: partition };
      return (await items.query<CosmosItem>(query, feed).fetchAll()).resources;
    });
  return {
    async get<Body>(name: Container, partition: string, id: string) {
      const response = await request(name, async (container, abortSignal) => {
        const answer = await container.item(id, partition).read<Record<string, unknown>>({ abortSignal });
        const { statusCode: status, substatus } = answer;
        // The SDK gives every 404 as an item that is not there; one with a sub-status says nothing about the item.
        if (status === 404 && substatus) throw new CosmosRefused({ status, substatus, message: "the read failed" });
        return answer;
      });
      if (response.statusCode === 404 || response.resource === undefined) return undefined;
      return { body: bodyOf<Body>(response.resource), etag: response.etag };
    },
    async put(name, document) {
      checkDocument(document);
      const item = itemOf(name, document);
      await request(name, (container, abortSignal) => container.items.upsert(item, { abortSignal }));
    },
    async batch(name, operations) {
      const [first] = operations;
      if (first === undefined) return;
      checkBatch(operations);
      const inputs = operations.map((operation) => inputOf(name, operation));
      await request(name, async (container, abortSignal) => {
        // The SDK writes into what it is given.
        const answer = await container.items.batch([...inputs], first.document.partition, { abortSignal });
        const results: readonly BatchResult[] = answer.result ?? [];
        const failed = results.find(({ statusCode }) => statusCode >= 400 && statusCode !== 424);
        const status = failed?.statusCode ?? answer.code ?? 200;
        if (status < 400 && status !== 207) return;
        // What is not there cannot have the etag that a replacement asks for.
        const gone = status === 404;
        const message = gone ? "batch refused: a document to replace is gone" : "batch refused";
        throw new CosmosRefused({ status: gone ? 412 : status, substatus: failed?.subStatusCode, message });
      });
    },
    async list<Body>(
      name: Container,
      partition: string,
      range: { readonly prefix: string; readonly limit: number },
    ): Promise<readonly Body[]> {
      const items = await findAll(name, listQuery(range), partition);
      return items.toReversed().map((item) => bodyOf<Body>(item));
    },
    async partitionsWith(name, id) {
      const items = await findAll(name, everywhereQuery(id));
      return items.map((item) => partitionOf(name, item)).sort();
    },
    sweeping: {
      async marks(name, partition, range) {
        return (await findAll(name, marksQuery(range), partition)).map((item) => markOf(item));
      },
      async remove(name, partition, { id, etag }) {
        const accessCondition = { type: "IfMatch", condition: etag };
        return request(name, async (container, abortSignal) => {
          try {
            await container.item(id, partition).delete({ accessCondition, abortSignal });
            return true;
          } catch (error) {
            const { status, substatus } = toRefused(error).refusal;
            if (status === 412 || (status === 404 && !substatus)) return false;
            throw error;
          }
        });
      },
    },
  };
}

/** What stands in the answer for one operation of a batch; the SDK's type leaves the sub-status out. */
interface BatchResult {
  readonly statusCode: number;
  readonly subStatusCode?: number;
}

/** So often a read may meet replicas that are behind its session before the session is given up. */
const patience = 4;

function clientOf({ connection }: CosmosOptions, answerWithin: number): CosmosClient {
  // Of an account with its endpoints, the SDK sends a read again that has no answer after half of the time.
  const requestTimeout = Math.ceil(answerWithin / 2);
  const retryOptions = { maxRetryAttemptCount: 0 };
  const consistencyLevel = "Session";
  if ("connectionString" in connection) {
    const parts = new Map(
      connection.connectionString
        .split(";")
        .map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]),
    );
    const endpoint = parts.get("AccountEndpoint") ?? "";
    const local = /^https?:\/\/(127\.0\.0\.1|localhost)[:/]/.test(endpoint);
    return new CosmosClient({
      endpoint,
      key: parts.get("AccountKey") ?? "",
      consistencyLevel,
      connectionPolicy: { enableEndpointDiscovery: !local, requestTimeout, retryOptions },
    });
  }
  return new CosmosClient({
    endpoint: connection.endpoint,
    aadCredentials: connection.credential,
    consistencyLevel,
    connectionPolicy: { requestTimeout, retryOptions },
  });
}

function inputOf(container: Container, operation: BatchOperation): OperationInput {
  const resourceBody = itemOf(container, operation.document) as never;
  switch (operation.kind) {
    case "put":
      return { operationType: "Upsert", resourceBody };
    case "create":
      return { operationType: "Create", resourceBody };
    case "replace":
      return { operationType: "Replace", id: operation.document.id, ifMatch: operation.etag, resourceBody };
  }
}

/** Waits for an answer, but not for ever: where the endpoint cannot be reached, the SDK tries for two minutes. */
async function answerOf<Result>(call: (signal: AbortSignal) => Promise<Result>, milliseconds: number): Promise<Result> {
  const controller = new AbortController();
  try {
    return await withTimeLimit("a request to Cosmos DB", milliseconds, call(controller.signal));
  } catch (error) {
    controller.abort();
    throw error;
  }
}

function toRefused(error: unknown): CosmosRefused {
  if (error instanceof CosmosRefused) return error;
  // The SDK wraps the answer to a batch in an error without its status.
  const { cause } = error as { readonly cause?: unknown };
  const answer = [error, cause].find((one): one is Answered => typeof (one as Answered | undefined)?.code === "number");
  const message = error instanceof Error ? error.message : String(error);
  if (answer === undefined) return new CosmosRefused({ status: 0, message, cause: error });
  const { code: status, substatus, retryAfterInMs: retryAfter } = answer;
  return new CosmosRefused({ status, substatus, retryAfter, message, cause: error });
}

/** The SDK's ErrorResponse. */
interface Answered {
  readonly code: number;
  readonly substatus?: number;
  readonly retryAfterInMs?: number;
}
