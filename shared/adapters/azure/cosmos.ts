import { CosmosClient, type Container as CosmosContainer, type OperationInput } from "@azure/cosmos";
import type { TokenCredential } from "@azure/identity";
import type { BatchOperation, Container, DocumentStore, NewDocument } from "../../ports/document-store.ts";
import { MeshError } from "../../shell/mesh-error.ts";

export interface CosmosOptions {
  /** `AccountEndpoint=…;AccountKey=…;`, or the endpoint with a credential. */
  readonly connection:
    | { readonly connectionString: string }
    | { readonly endpoint: string; readonly credential: TokenCredential };
  readonly database: string;
}

/** Member that holds the partition key's value (infra/containers.ts). */
const partitionMembers: Readonly<Record<Container, string>> = {
  clusters: "cluster",
  blocks: "part",
  policies: "mesh",
  changes: "cluster",
  rejected: "cluster",
  leases: "id",
};

export function createCosmosDocumentStore(options: CosmosOptions): DocumentStore {
  const database = clientOf(options).database(options.database);
  const container = (name: Container): CosmosContainer => database.container(name);
  return {
    async get<Body>(name: Container, partition: string, id: string) {
      const response = await guard(() => container(name).item(id, partition).read<Record<string, unknown>>());
      if (response.statusCode === 404 || response.resource === undefined) return undefined;
      return { body: bodyOf<Body>(response.resource), etag: response.etag };
    },
    async put(name, document) {
      await guard(() => container(name).items.upsert(resourceOf(name, document)));
    },
    async batch(name, operations) {
      const [first] = operations;
      if (first === undefined) return;
      const inputs = operations.map((operation) => inputOf(name, operation));
      const response = await guard(() => container(name).items.batch(inputs, first.document.partition));
      const failed = (response.result ?? [])
        .map((result) => result.statusCode)
        .find((code) => code >= 400 && code !== 424);
      // What is not there cannot have the etag that a replacement asks for.
      if (failed === 404) throw faultOf(412, "batch refused: a document to replace is gone");
      if ((response.code ?? 200) >= 400 || response.code === 207 || failed !== undefined)
        throw faultOf(failed ?? response.code ?? 500, "batch refused");
    },
    async list<Body>(
      name: Container,
      partition: string,
      { prefix, limit }: { readonly prefix: string; readonly limit: number },
    ) {
      const query = {
        query: "SELECT TOP @limit * FROM c WHERE STARTSWITH(c.id, @prefix) ORDER BY c.id DESC",
        parameters: [
          { name: "@limit", value: limit },
          { name: "@prefix", value: prefix },
        ],
      };
      const pages = container(name).items.query<Record<string, unknown>>(query, { partitionKey: partition });
      const { resources } = await guard(() => pages.fetchAll());
      return resources.reverse().map((resource) => bodyOf<Body>(resource));
    },
    async partitionsWith(name, id) {
      const member = partitionMembers[name];
      const query = { query: "SELECT * FROM c WHERE c.id = @id", parameters: [{ name: "@id", value: id }] };
      const { resources } = await guard(() => container(name).items.query<Record<string, unknown>>(query).fetchAll());
      return resources.map((resource) => String(resource[member])).sort();
    },
  };
}

function clientOf({ connection }: CosmosOptions): CosmosClient {
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
      connectionPolicy: { enableEndpointDiscovery: !local },
    });
  }
  return new CosmosClient({ endpoint: connection.endpoint, aadCredentials: connection.credential });
}

function resourceOf(container: Container, document: NewDocument): Record<string, unknown> & { id: string } {
  const ttl = document.ttl === undefined ? {} : { ttl: document.ttl };
  return { id: document.id, [partitionMembers[container]]: document.partition, ...ttl, body: document.body };
}

function bodyOf<Body>(resource: Readonly<Record<string, unknown>>): Body {
  return resource["body"] as Body;
}

function inputOf(container: Container, operation: BatchOperation): OperationInput {
  const resourceBody = resourceOf(container, operation.document) as never;
  switch (operation.kind) {
    case "put":
      return { operationType: "Upsert", resourceBody };
    case "create":
      return { operationType: "Create", resourceBody };
    case "replace":
      return { operationType: "Replace", id: operation.document.id, ifMatch: operation.etag, resourceBody };
  }
}

async function guard<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const code = statusOf(error);
    throw faultOf(code, error instanceof Error ? error.message : String(error), error);
  }
}

/** The SDK wraps the answer to a batch in an error without its status. 0: no answer. */
function statusOf(error: unknown): number {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: { readonly code?: unknown } };
  const status = typeof code === "number" ? code : cause?.code;
  return typeof status === "number" ? status : 0;
}

function faultOf(status: number, message: string, cause?: unknown): MeshError {
  const text = `Cosmos DB answered ${status || "nothing"}: ${message.split("\n")[0]}`;
  if (status === 409 || status === 412) return new MeshError("precondition-failed", text, { cause });
  if (status === 413) return new MeshError("too-large", text, { cause });
  if (status === 429) return new MeshError("throttled", text, { cause });
  if (status === 0 || status === 408 || status === 449 || status >= 500)
    return new MeshError("unavailable", text, { cause });
  return new MeshError("unexpected", text, { cause });
}
