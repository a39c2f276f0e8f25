import type { Container } from "../store/account.ts";
import { methodNotAllowed, notFound } from "../store/cosmos-error.ts";
import {
  containerRoute,
  containersRoute,
  databaseRoute,
  databasesRoute,
  rangesRoute,
  readAccount,
} from "./account-routes.ts";
import { authorize } from "./authorization.ts";
import { batchRoute } from "./batch-route.ts";
import { containerHeaders } from "./container-headers.ts";
import { isFlagSet, type WireReply, type WireRequest } from "./exchange.ts";
import { queryPlanRoute, queryRoute, readFeed } from "./feed-routes.ts";
import { createItem, itemRoute } from "./item-routes.ts";
import type { ServerContext } from "./server-context.ts";

/** Answers one request. @throws CosmosError when it is refused */
export function route(request: WireRequest, server: ServerContext): WireReply {
  const { segments } = request;
  const principal = authorize(request, server.writeContext().now);
  if (segments.length === 0) return readAccount(request);
  if (segments[0] !== "dbs") throw notFound();
  if (segments.length === 1) return databasesRoute(request, server, principal);
  if (segments.length === 2) return databaseRoute(request, server, principal);
  if (segments[2] !== "colls") throw notFound();
  if (segments.length === 3) return containersRoute(request, server, principal);
  if (segments.length === 4) return containerRoute(request, server, principal);
  const container = server.account.container(segments[1] ?? "", segments[3] ?? "");
  return routeInContainer(request, container, server);
}

/** Headers that also an error in a container carries: clients keep their session up to date from them. */
export function sessionHeaders(request: WireRequest, server: ServerContext): Readonly<Record<string, string>> {
  const [, database = "", , id = "", child] = request.segments;
  const container = child === "docs" ? server.account.databases.get(database)?.containers.get(id) : undefined;
  return container === undefined ? {} : containerHeaders(container, { database, container: id });
}

function routeInContainer(request: WireRequest, container: Container, server: ServerContext): WireReply {
  const { segments } = request;
  const context = server.writeContext();
  if (segments.length === 5 && segments[4] === "pkranges") return rangesRoute(request, container);
  if (segments[4] !== "docs" || segments.length > 6) throw notFound();
  if (segments.length === 6) return itemRoute(request, { container, id: segments[5] ?? "" }, context);
  if (request.method === "GET") return readFeed(request, container, context.now);
  if (request.method !== "POST") throw methodNotAllowed(request.method);
  if (isFlagSet(request, "x-ms-cosmos-is-query-plan-request")) return queryPlanRoute(request);
  if (isFlagSet(request, "x-ms-documentdb-isquery")) return queryRoute(request, container, context.now);
  if (isFlagSet(request, "x-ms-cosmos-is-batch-request")) return batchRoute(request, container, context);
  return createItem(request, container, context);
}
