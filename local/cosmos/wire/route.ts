import type { CosmosCore } from "../core/cosmos-core.ts";
import type { Principal } from "../core/rights.ts";
import type { Container } from "../store/account.ts";
import { methodNotAllowed, notFound, ownerNotFound } from "../store/cosmos-error.ts";
import { rangesIn } from "../store/ring.ts";
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
import { requestScope } from "./scope.ts";

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
  if (segments.length === 5 && segments[4] === "pkranges") return rangesRoute(request, container, core.ranges);
  if (segments[4] !== "docs" || segments.length > 6) throw notFound();
  return itemsRoute(request, targetOf(request, { core, container, principal }));
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

function targetOf(
  request: WireRequest,
  {
    core,
    container,
    principal,
  }: { readonly core: CosmosCore; readonly container: Container; readonly principal: Principal },
): ItemTarget {
  const [, database = "", , id = ""] = request.segments;
  const scope = requestScope(request, container, core.ranges);
  const ranges = rangesIn(core.ranges, scope, container.data.settings.partitionKeyPaths.length);
  const session = parseSession(header(request, "x-ms-session-token"), ranges);
  return { core, container, scope, ranges, caller: { principal, database, container: id, session } };
}

function itemsRoute(request: WireRequest, target: ItemTarget): WireReply {
  const { segments } = request;
  if (segments.length === 6) return itemRoute(request, target, segments[5] ?? "");
  if (request.method === "GET") return readFeed(request, target);
  if (request.method !== "POST") throw methodNotAllowed(request.method);
  if (isFlagSet(request, "x-ms-cosmos-is-query-plan-request")) return queryPlanRoute(request);
  if (isFlagSet(request, "x-ms-documentdb-isquery")) return queryRoute(request, target);
  if (isFlagSet(request, "x-ms-cosmos-is-batch-request")) return batchRoute(request, target);
  return createItem(request, target);
}
