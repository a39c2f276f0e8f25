import { badRequest, CosmosError } from "../store/cosmos-error.ts";
import type { JsonObject } from "../store/json.ts";
import type { Query } from "./ast.ts";
import { evaluate, type Parameters } from "./evaluator.ts";
import { parseQuery } from "./parser.ts";
import { splitClauses } from "./query-clauses.ts";

/** What the client's SDK puts a condition for, of its own making, when it goes on in the middle of an ordered range. */
const filterPlaceholder = "{documentdb-formattableorderbyquery-filter}";

/**
 * What a client needs to merge the answers of several ranges itself: the query to send to each of them, and what is left
 * to be done (order, cut, add up). The shape is the service's. @throws CosmosError 400
 */
export function planQuery(text: string, parameters: Parameters): JsonObject {
  const query = parseQuery(text);
  const { selection, orderBy } = query;
  const offset = countOf(query.offset, parameters);
  const limit = countOf(query.limit, parameters);
  return {
    partitionedQueryExecutionInfoVersion: 2,
    queryInfo: {
      distinctType: "None",
      top: offset === null ? limit : null,
      offset,
      limit: offset === null ? null : limit,
      orderBy: orderBy.map(({ descending }) => (descending ? "Descending" : "Ascending")),
      orderByExpressions: splitClauses(text).orderBy,
      groupByExpressions: [],
      groupByAliases: [],
      aggregates: selection.kind === "count" ? ["Count"] : [],
      groupByAliasToAggregateType: {},
      rewrittenQuery: rewrite(text, query, { offset, limit }),
      hasSelectValue: selection.kind === "value" || (selection.kind === "count" && selection.name === undefined),
      dCountInfo: null,
      hasNonStreamingOrderBy: false,
    },
    queryRanges: [{ min: "", max: "FF", isMinInclusive: true, isMaxInclusive: false }],
  };
}

/**
 * Refuses a query over several ranges that nobody but the client can answer as a whole: one with an order, a cut or a sum
 * (400/1004, with the plan).
 */
export function checkServable(text: string, parameters: Parameters): void {
  const { selection, orderBy, offset, limit } = parseQuery(text);
  if (selection.kind !== "count" && orderBy.length === 0 && offset === undefined && limit === undefined) return;
  const message =
    "The provided cross partition query can not be directly served by the gateway. This is a first chance (internal) exception that all newer clients will know how to handle gracefully.";
  const additionalErrorInfo = JSON.stringify(planQuery(text, parameters));
  throw new CosmosError(400, message, { substatus: 1004, additionalErrorInfo });
}

interface Cut {
  readonly offset: number | null;
  readonly limit: number | null;
}

/** What each range is asked; "" for the query as it stands. */
function rewrite(text: string, { selection, orderBy }: Query, { offset, limit }: Cut): string {
  const { selected, from, where, orderBy: orders, ordering } = splitClauses(text);
  if (selection.kind === "count") {
    if (selection.name !== undefined) return "";
    return `SELECT VALUE [{"item": ${selected}}] FROM ${from}${where === undefined ? "" : ` WHERE ${where}`}`;
  }
  // Each range may hold all that is wanted, and all that is skipped before it.
  const most = limit === null ? null : limit + (offset ?? 0);
  const top = most === null ? "" : `TOP ${most} `;
  if (orderBy.length === 0) {
    if (offset === null) return "";
    const value = selection.kind === "value" ? "VALUE " : "";
    return `SELECT ${top}${value}${selected} FROM ${from}${where === undefined ? "" : ` WHERE ${where}`}`;
  }
  const alias = from.split(/\s+/).at(-1) ?? "c";
  const items = orders.map((expression) => `{"item": ${expression}}`).join(", ");
  const condition = where === undefined ? filterPlaceholder : `(${where}) AND ${filterPlaceholder}`;
  return `SELECT ${top}${alias}._rid, [${items}] AS orderByItems, ${payloadOf(text, selection)} AS payload FROM ${from} WHERE ${condition} ORDER BY ${ordering}`;
}

function payloadOf(text: string, selection: Query["selection"]): string {
  const { selected, fields, from } = splitClauses(text);
  if (selection.kind === "document") return from.split(/\s+/).at(-1) ?? "c";
  if (selection.kind !== "fields") return selected;
  const members = selection.fields.map(({ name }, index) => `${JSON.stringify(name)}: ${fields[index] ?? "null"}`);
  return `{${members.join(", ")}}`;
}

function countOf(expression: Query["limit"], parameters: Parameters): number | null {
  if (expression === undefined) return null;
  const value = evaluate(expression, {}, parameters);
  if (typeof value === "number") return value;
  throw badRequest("TOP, OFFSET and LIMIT need a whole number that is not negative.");
}
