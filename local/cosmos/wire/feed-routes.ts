import { parseQuery } from "../sql/parser.ts";
import { runQuery } from "../sql/run-query.ts";
import type { Container } from "../store/account.ts";
import { readChangeFeed } from "../store/change-feed.ts";
import { badRequest } from "../store/cosmos-error.ts";
import { isJsonObject, type Json, textAt } from "../store/json.ts";
import { feedCharge, queryCharge, refusedCharge } from "../store/request-units.ts";
import { header, jsonBody, pageSize, type WireReply, type WireRequest } from "./exchange.ts";
import { requestScope } from "./scope.ts";

/** Items of a page when the client does not say. */
const preferredPageSize = 100;

/** GET …/docs: the change feed with `A-IM`, otherwise all items. */
export function readFeed(request: WireRequest, container: Container, now: number): WireReply {
  const mode = header(request, "a-im");
  if (mode === undefined) return answerQuery(request, container, { query: "SELECT * FROM c", parameters: [], now });
  if (mode.toLowerCase() !== "incremental feed") throw badRequest(`The change feed mode '${mode}' is not supported.`);
  const position = header(request, "if-none-match");
  const after = position === "*" ? container.data.lsn : parsePosition(position);
  const modifiedSince = header(request, "if-modified-since");
  const since = modifiedSince === undefined ? 0 : Math.floor(Date.parse(modifiedSince) / 1000);
  if (Number.isNaN(since)) throw badRequest("The value of If-Modified-Since is not a date.");
  const scope = requestScope(request, container);
  const page = readChangeFeed(
    container.data,
    { scope, after, since, maxItems: pageSize(request, preferredPageSize) },
    now,
  );
  const headers = { etag: `"${page.position}"`, "x-ms-item-count": String(page.items.length) };
  if (page.items.length === 0) {
    return { status: 304, headers: { ...headers, "x-ms-request-charge": String(refusedCharge) }, body: undefined };
  }
  const documents = page.items.map((item) => ({ ...item.document, _lsn: item.lsn }));
  return {
    status: 200,
    headers: { ...headers, "x-ms-request-charge": String(feedCharge(page.bytes)) },
    body: { _rid: textAt(container.resource, "_rid"), Documents: documents, _count: documents.length },
  };
}

/** POST …/docs with a query. */
export function queryRoute(request: WireRequest, container: Container, now: number): WireReply {
  const { query, parameters } = parseQueryBody(request);
  return answerQuery(request, container, { query, parameters, now });
}

/**
 * POST …/docs that asks for a query plan. There is one range and the server does all the work, so the plan is: send the
 * query as it is to the whole ring. A query that cannot be parsed is refused here as well.
 */
export function queryPlanRoute(request: WireRequest): WireReply {
  const { selection } = parseQuery(parseQueryBody(request).query);
  return {
    status: 200,
    headers: { "x-ms-request-charge": String(refusedCharge) },
    body: {
      partitionedQueryExecutionInfoVersion: 2,
      queryInfo: {
        distinctType: "None",
        top: null,
        offset: null,
        limit: null,
        orderBy: [],
        orderByExpressions: [],
        groupByExpressions: [],
        groupByAliases: [],
        aggregates: [],
        groupByAliasToAggregateType: {},
        rewrittenQuery: "",
        hasSelectValue: selection.kind === "value",
        dCountInfo: null,
        hasNonStreamingOrderBy: false,
      },
      queryRanges: [{ min: "", max: "FF", isMinInclusive: true, isMaxInclusive: false }],
    },
  };
}

interface QueryBody {
  readonly query: string;
  readonly parameters: readonly (readonly [string, Json])[];
}

function answerQuery(
  request: WireRequest,
  container: Container,
  input: QueryBody & { readonly now: number },
): WireReply {
  const query = parseQuery(input.query);
  const items = container.data.items(requestScope(request, container), input.now);
  const page = { maxItems: pageSize(request, preferredPageSize), continuation: header(request, "x-ms-continuation") };
  const { results, continuation } = runQuery(query, new Map(input.parameters), { items, page });
  const bytes = items.reduce((sum, item) => sum + item.size, 0);
  return {
    status: 200,
    headers: {
      "x-ms-item-count": String(results.length),
      "x-ms-request-charge": String(queryCharge(bytes)),
      ...(continuation === undefined ? {} : { "x-ms-continuation": continuation }),
    },
    body: { _rid: textAt(container.resource, "_rid"), Documents: results, _count: results.length },
  };
}

function parseQueryBody(request: WireRequest): QueryBody {
  const body = jsonBody(request);
  const query = isJsonObject(body) ? body["query"] : undefined;
  if (!isJsonObject(body) || typeof query !== "string") throw badRequest("The query text is missing.");
  const list = body["parameters"];
  const parameters = (Array.isArray(list) ? list : []).map((parameter: Json): readonly [string, Json] => {
    const name = isJsonObject(parameter) ? parameter["name"] : undefined;
    if (!isJsonObject(parameter) || typeof name !== "string") throw badRequest("A query parameter has no name.");
    return [name, parameter["value"] ?? null];
  });
  return { query, parameters };
}

function parsePosition(text: string | undefined): number {
  if (text === undefined) return 0;
  const match = /^"?(\d+)"?$/.exec(text);
  if (match === null) throw badRequest("The change feed continuation is malformed.");
  return Number(match[1]);
}
