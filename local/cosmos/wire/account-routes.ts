import type { CosmosCore } from "../core/cosmos-core.ts";
import type { Principal } from "../core/rights.ts";
import type { Container, Database } from "../store/account.ts";
import { forbidden, methodNotAllowed } from "../store/cosmos-error.ts";
import { type Json, type JsonObject, textAt } from "../store/json.ts";
import type { RingRange } from "../store/ring.ts";
import { header, jsonBody, type WireReply, type WireRequest } from "./exchange.ts";

/** GET /: what the client asks first. There is one region, this core. */
export function readAccount(request: WireRequest): WireReply {
  if (request.method !== "GET") throw methodNotAllowed(request.method);
  const endpoint = `${request.secure ? "https" : "http"}://${header(request, "host") ?? "localhost"}/`;
  const locations = [{ name: "Local", databaseAccountEndpoint: endpoint }];
  return ok({
    _self: "",
    id: "weft-local",
    _rid: "weft-local.documents.azure.com",
    media: "//media/",
    addresses: "//addresses/",
    _dbs: "//dbs/",
    writableLocations: locations,
    readableLocations: locations,
    enableMultipleWriteLocations: false,
    userReplicationPolicy: { asyncReplication: false, minReplicaSetSize: 1, maxReplicasetSize: 1 },
    userConsistencyPolicy: { defaultConsistencyLevel: "Session" },
    systemReplicationPolicy: { minReplicaSetSize: 1, maxReplicasetSize: 1 },
    readPolicy: { primaryReadCoefficient: 1, secondaryReadCoefficient: 1 },
  });
}

/** /dbs */
export function databasesRoute(request: WireRequest, core: CosmosCore, principal: Principal): WireReply {
  if (request.method === "GET") {
    const list = [...core.account.databases.values()].map((database) => database.resource);
    return ok({ _rid: "", Databases: list, _count: list.length });
  }
  if (request.method !== "POST") throw methodNotAllowed(request.method);
  requireKey(principal, "create a database");
  return created(core.account.createDatabase(jsonBody(request), core.writeContext()));
}

/** /dbs/{database} */
export function databaseRoute(request: WireRequest, core: CosmosCore, principal: Principal): WireReply {
  const id = request.segments[1] ?? "";
  const database = core.account.database(id);
  if (request.method === "GET") return ok(database.resource);
  if (request.method !== "DELETE") throw methodNotAllowed(request.method);
  requireKey(principal, "delete a database");
  core.account.deleteDatabase(id);
  return deleted;
}

/** /dbs/{database}/colls */
export function containersRoute(request: WireRequest, core: CosmosCore, principal: Principal): WireReply {
  const id = request.segments[1] ?? "";
  const database = core.account.database(id);
  if (request.method === "GET") {
    const list = [...database.containers.values()].map((container) => container.resource);
    return ok({ _rid: textAt(database.resource, "_rid"), DocumentCollections: list, _count: list.length });
  }
  if (request.method !== "POST") throw methodNotAllowed(request.method);
  requireKey(principal, "create a container");
  return created(core.account.createContainer(id, jsonBody(request), core.writeContext()));
}

/** /dbs/{database}/colls/{container} */
export function containerRoute(request: WireRequest, core: CosmosCore, principal: Principal): WireReply {
  const [, database = "", , id = ""] = request.segments;
  const container = core.account.container(database, id);
  if (request.method === "GET") return ok(container.resource);
  if (request.method === "PUT") {
    requireKey(principal, "replace a container");
    return ok(core.account.replaceContainer({ database, id }, jsonBody(request), core.writeContext()).resource);
  }
  if (request.method !== "DELETE") throw methodNotAllowed(request.method);
  requireKey(principal, "delete a container");
  core.account.deleteContainer(database, id);
  return deleted;
}

/** …/pkranges */
export function rangesRoute(request: WireRequest, container: Container, ranges: readonly RingRange[]): WireReply {
  if (request.method !== "GET") throw methodNotAllowed(request.method);
  const { resource } = container;
  const [rid, etag] = [textAt(resource, "_rid"), textAt(resource, "_etag")];
  const headers = { etag, "x-ms-request-charge": "1" };
  if (header(request, "if-none-match") === etag) return { status: 304, headers, body: undefined };
  const list = ranges.map(({ id, min, max }) => ({
    _rid: rid,
    id,
    _etag: etag,
    minInclusive: min,
    maxExclusive: max,
    ridPrefix: Number(id),
    _self: `${textAt(resource, "_self")}pkranges/${id}/`,
    throughputFraction: 1 / ranges.length,
    status: "online",
    parents: [],
    _ts: resource["_ts"] ?? 0,
  }));
  return { status: 200, headers, body: { _rid: rid, PartitionKeyRanges: list, _count: list.length } };
}

const deleted: WireReply = { status: 204, headers: { "x-ms-request-charge": "4.95" }, body: undefined };

function ok(body: Json): WireReply {
  return { status: 200, headers: { "x-ms-request-charge": "2", ...etagOf(body) }, body };
}

function created({ resource }: Database | Container): WireReply {
  return { status: 201, headers: { "x-ms-request-charge": "4.95", ...etagOf(resource) }, body: resource };
}

function etagOf(body: Json): { readonly etag?: string } {
  const etag = (body as JsonObject)["_etag"];
  return typeof etag === "string" ? { etag } : {};
}

/** An identity has no right to make or delete databases and containers; infrastructure does (azure.md §6.8). */
function requireKey(principal: Principal, action: string): void {
  if (principal.kind === "key") return;
  throw forbidden(`Request blocked by Auth: to ${action} cannot be authorized by AAD token in data plane.`, 5300);
}
