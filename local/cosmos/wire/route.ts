import type { CosmosCore } from "../core/cosmos-core.ts";
import type { Principal } from "../core/rights.ts";
import type { Container } from "../store/account.ts";
import { methodNotAllowed, notFound, ownerNotFound } from "../store/cosmos-error.ts";
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
import { containerHeaders, parseSession } from "./container-headers.ts";
import { header, isFlagSet, type WireReply, type WireRequest } from "./exchange.ts";
import { queryPlanRoute, queryRoute, readFeed } from "./feed-routes.ts";
import { createItem, itemRoute } from "./item-routes.ts";
import type { ItemTarget } from "./item-target.ts";

/** Answers one request. @throws CosmosError when it is refused, AnswerLost when no answer is to come */
export function route(request: WireRequest, core: CosmosCore): WireReply {
  const { segments } = request;
  const principal = authorize(request, core.writeContext().now);
  core.checkMetadata(principal);
  if (segments.length === 0) return readAccount(request);
  if (segments[0] !== "dbs") throw notFound();
  if (segments.length === 1) return databasesRoute(request, core, principal);
  if (segments.length === 2) return databaseRoute(request, core, principal);
  if (segments[2] !== "colls") throw notFound();
  if (segments.length === 3) return containersRoute(request, core, principal);
  if (segments.length === 4) return containerRoute(request, core, principal);
  const container = containerOf(request, core);
  if (container === undefined) throw ownerNotFound();
  return routeInContainer(request, { core, container, caller: callerOf(request, principal) });
}

/** Headers that every answer in a container carries, refusals too. */
export function pathHeaders(request: WireRequest, core: CosmosCore): Readonly<Record<string, string>> {
  const [, database = "", , id = "", child] = request.segments;
  const container = child === "docs" ? containerOf(request, core) : undefined;
  return container === undefined ? {} : containerHeaders(container, { database, container: id });
}

function containerOf({ segments }: WireRequest, { account }: CosmosCore): Container | undefined {
  return account.databases.get(segments[1] ?? "")?.containers.get(segments[3] ?? "");
}

function callerOf(request: WireRequest, principal: Principal): ItemTarget["caller"] {
  const [, database = "", , container = ""] = request.segments;
  return { principal, database, container, session: parseSession(header(request, "x-ms-session-token")) };
}

function routeInContainer(request: WireRequest, target: ItemTarget): WireReply {
  const { segments } = request;
  if (segments.length === 5 && segments[4] === "pkranges") return rangesRoute(request, target.container);
  if (segments[4] !== "docs" || segments.length > 6) throw notFound();
  if (segments.length === 6) return itemRoute(request, target, segments[5] ?? "");
  if (request.method === "GET") return readFeed(request, target);
  if (request.method !== "POST") throw methodNotAllowed(request.method);
  if (isFlagSet(request, "x-ms-cosmos-is-query-plan-request")) return queryPlanRoute(request);
  if (isFlagSet(request, "x-ms-documentdb-isquery")) return queryRoute(request, target);
  if (isFlagSet(request, "x-ms-cosmos-is-batch-request")) return batchRoute(request, target);
  return createItem(request, target);
}
