import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  ChangeFeedStartFrom,
  type Container,
  CosmosClient,
  type CosmosClientOptions,
  ErrorResponse,
  type SqlQuerySpec,
} from "@azure/cosmos";
import { containers } from "../../infra/containers.ts";
import { type Cosmos, startCosmos } from "./start-cosmos.ts";

/** The documents of the tests; `cluster` is the partition key. */
export interface Document {
  readonly id: string;
  readonly cluster: string;
  readonly [name: string]: unknown;
}

/** The unmodified SDK, connected; disposing it closes the client. */
export interface Connection extends Disposable {
  readonly client: CosmosClient;
  readonly clusters: Container;
  readonly changes: Container;
}

/** A server in memory with the mesh's database, and a client. */
export interface SdkHarness extends Connection, AsyncDisposable {
  readonly cosmos: Cosmos;
}

export async function startSdkHarness(): Promise<SdkHarness> {
  const cosmos = await startCosmos({ databases: [{ id: "weft", containers }] });
  const connection = connect(cosmos);
  return {
    cosmos,
    ...connection,
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      await cosmos[Symbol.asyncDispose]();
    },
  };
}

/** @param options the key unless given; `enableEndpointDiscovery` is off unless given */
export function connect(cosmos: Cosmos, options: Partial<CosmosClientOptions> = { key: cosmos.key }): Connection {
  const connectionPolicy = { enableEndpointDiscovery: false };
  const client = new CosmosClient({ endpoint: cosmos.endpoint, connectionPolicy, ...options });
  const database = client.database("weft");
  return {
    client,
    clusters: database.container("clusters"),
    changes: database.container("changes"),
    [Symbol.dispose]: () => client.dispose(),
  };
}

/** A partition that no other test uses. */
export function newCluster(): string {
  return `cluster-${randomUUID()}`;
}

/** Waits for a request to be refused with a status. */
export async function refused(request: Promise<unknown>, status: number): Promise<void> {
  const error = await request.then(
    () => assert.fail(`not refused with ${status}`),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof ErrorResponse, String(error));
  assert.equal(error.code, status, error.message);
}

/** The ids that a query finds, of one partition or of all. */
export async function idsOf(container: Container, query: string | SqlQuerySpec, cluster?: string): Promise<string[]> {
  const options = cluster === undefined ? {} : { partitionKey: cluster };
  const { resources } = await container.items.query<Document>(query, options).fetchAll();
  return resources.map(({ id }) => id);
}

/** Everything that the change feed of a partition gives from the beginning. */
export async function drainFeed(container: Container, cluster: string): Promise<Document[]> {
  const changeFeedStartFrom = ChangeFeedStartFrom.Beginning(cluster);
  const iterator = container.items.getChangeFeedIterator<Document>({ changeFeedStartFrom });
  const found: Document[] = [];
  for (;;) {
    const page = await iterator.readNext();
    if (page.statusCode === 304) return found;
    found.push(...page.result);
  }
}

export function ifMatch(etag: string) {
  return { accessCondition: { type: "IfMatch", condition: etag } };
}

export function ifNoneMatch(etag: string) {
  return { accessCondition: { type: "IfNoneMatch", condition: etag } };
}
