import { checkServable, planQuery } from "../sql/query-plan.ts";
import { badRequest } from "../store/cosmos-error.ts";
import { isJsonObject, type Json, textAt } from "../store/json.ts";
import { refusedCharge } from "../store/request-units.ts";
import { header, jsonBody, pageSize, type WireReply, type WireRequest } from "./exchange.ts";
import { type ItemTarget, toReply } from "./item-target.ts";

/** Items of a page when the client does not say. */
const preferredPageSize = 100;

/** GET …/docs: the change feed with `A-IM`, otherwise all items. */
export function readFeed(request: WireRequest, target: ItemTarget): WireReply {
  const mode = header(request, "a-im");
  if (mode === undefined) return answerQuery(request, target, { query: "SELECT * FROM c", parameters: [] });
  if (mode.toLowerCase() !== "incremental feed") throw badRequest(`The change feed mode '${mode}' is not supported.`);
  const position = header(request, "if-none-match");
  const after = position === "*" ? "now" : parsePosition(position);
  const modifiedSince = header(request, "if-modified-since");
  const since = modifiedSince === undefined ? 0 : Math.floor(Date.parse(modifiedSince) / 1000);
  if (Number.isNaN(since)) throw badRequest("The value of If-Modified-Since is not a date.");
  const { scope } = target;
  const maxItems = pageSize(request, preferredPageSize);
  return toReply(target, target.core.changes(target.caller, { scope, after, since, maxItems }), (page) => {
    const headers = { etag: `"${page.position}"`, "x-ms-item-count": String(page.items.length) };
    if (page.items.length === 0) return { status: 304, headers, body: undefined };
    const documents = page.items.map((item) => ({ ...item.document, _lsn: item.lsn }));
    return { status: 200, headers, body: documentsBody(target, documents) };
  });
}

/** POST …/docs with a query. */
export function queryRoute(request: WireRequest, target: ItemTarget): WireReply {
  return answerQuery(request, target, parseQueryBody(request));
}

/** POST …/docs that asks for a query plan. A query that cannot be parsed is refused here as well. */
export function queryPlanRoute(request: WireRequest): WireReply {
  const { query, parameters } = parseQueryBody(request);
  return {
    status: 200,
    headers: { "x-ms-request-charge": String(refusedCharge) },
    body: planQuery(query, new Map(parameters)),
  };
}

interface QueryBody {
  readonly query: string;
  readonly parameters: readonly (readonly [string, Json])[];
}

function answerQuery(request: WireRequest, target: ItemTarget, { query, parameters }: QueryBody): WireReply {
  const values = new Map(parameters);
  // With a partition key or a range of its own, a query is answered as a whole.
  if (target.scope.kind === "all" && target.ranges.length > 1) checkServable(query, values);
  const answer = target.core.query(target.caller, {
    text: query,
    parameters: values,
    scope: target.scope,
    maxItems: pageSize(request, preferredPageSize),
    continuation: header(request, "x-ms-continuation"),
  });
  return toReply(target, answer, ({ results, continuation }) => ({
    status: 200,
    headers: {
      "x-ms-item-count": String(results.length),
      ...(continuation === undefined ? {} : { "x-ms-continuation": continuation }),
    },
    body: documentsBody(target, results),
  }));
}

function documentsBody({ container }: ItemTarget, documents: readonly Json[]): Json {
  return { _rid: textAt(container.resource, "_rid"), Documents: documents, _count: documents.length };
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
