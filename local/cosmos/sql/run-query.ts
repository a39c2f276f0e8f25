import { maxPageBytes } from "../store/change-feed.ts";
import { badRequest } from "../store/cosmos-error.ts";
import type { StoredItem } from "../store/item.ts";
import type { Json, JsonObject } from "../store/json.ts";
import type { Expression, Ordering, Query, Selection } from "./ast.ts";
import { evaluate, evaluateFields, type Parameters } from "./evaluator.ts";
import { compareForOrder, type Value } from "./values.ts";

export interface PageRequest {
  readonly maxItems: number;
  /** What the page before gave; undefined for the first. */
  readonly continuation: string | undefined;
}

export interface QueryPage {
  readonly results: readonly Json[];
  /** Opaque; undefined after the last page. */
  readonly continuation: string | undefined;
}

/** Where a page ended: the ordering values and serial of its last item, and how much was skipped and returned so far. */
interface Position {
  readonly values: readonly Value[];
  readonly serial: number;
  readonly skipped: number;
  readonly returned: number;
}

interface Row {
  readonly item: StoredItem;
  readonly values: readonly Value[];
}

/**
 * Runs a query over items. Pages go on from the last item's place in the order, so writes between two pages neither
 * repeat nor lose items that were not written.
 */
export function runQuery(
  query: Query,
  parameters: Parameters,
  input: { readonly items: readonly StoredItem[]; readonly page: PageRequest },
): QueryPage {
  const matches = input.items.filter(
    ({ document }) => query.where === undefined || evaluate(query.where, document, parameters) === true,
  );
  if (query.selection.kind === "count") {
    return { results: [countOf(query.selection, matches, parameters)], continuation: undefined };
  }
  const rows = matches.map((item): Row => {
    return { item, values: query.orderBy.map(({ expression }) => evaluate(expression, item.document, parameters)) };
  });
  rows.sort((one, other) => compareRows(one, { values: other.values, serial: other.item.serial }, query.orderBy));
  return cutPage(query, parameters, { rows, page: input.page });
}

function cutPage(
  query: Query,
  parameters: Parameters,
  input: { readonly rows: readonly Row[]; readonly page: PageRequest },
): QueryPage {
  const start = input.page.continuation === undefined ? undefined : decodePosition(input.page.continuation);
  const offset = countValue(query.offset, parameters) ?? 0;
  const limit = countValue(query.limit, parameters) ?? Number.POSITIVE_INFINITY;
  const results: Json[] = [];
  let skipped = start?.skipped ?? 0;
  let returned = start?.returned ?? 0;
  let onPage = 0;
  let bytes = 0;
  let last: Row | undefined;
  for (const row of input.rows) {
    if (start !== undefined && compareRows(row, start, query.orderBy) <= 0) continue;
    if (returned >= limit) break;
    if (last !== undefined && (onPage >= input.page.maxItems || bytes + row.item.size > maxPageBytes)) {
      const position = { values: last.values, serial: last.item.serial, skipped, returned };
      return { results, continuation: encodePosition(position) };
    }
    if (skipped < offset) {
      skipped += 1;
      continue;
    }
    const result = project(query.selection, row.item.document, parameters);
    if (result !== undefined) results.push(result);
    last = row;
    onPage += 1;
    returned += 1;
    bytes += row.item.size;
  }
  return { results, continuation: undefined };
}

function project(selection: Selection, document: JsonObject, parameters: Parameters): Value {
  switch (selection.kind) {
    case "document":
      return document;
    case "value":
    case "count":
      return evaluate(selection.expression, document, parameters);
    case "fields":
      return evaluateFields(selection.fields, document, parameters);
  }
}

function countOf(
  selection: Extract<Selection, { kind: "count" }>,
  matches: readonly StoredItem[],
  parameters: Parameters,
): Json {
  const { expression, name, isPart } = selection;
  const count = matches.filter(({ document }) => evaluate(expression, document, parameters) !== undefined).length;
  if (isPart) return [{ item: count }];
  return name === undefined ? count : { [name]: count };
}

function compareRows(
  row: Row,
  other: { readonly values: readonly Value[]; readonly serial: number },
  orderBy: readonly Ordering[],
): number {
  for (const [index, { descending }] of orderBy.entries()) {
    const order = compareForOrder(row.values[index], other.values[index]);
    if (order !== 0) return descending ? -order : order;
  }
  return row.item.serial - other.serial;
}

function countValue(expression: Expression | undefined, parameters: Parameters): number | undefined {
  if (expression === undefined) return undefined;
  const value = evaluate(expression, {}, parameters);
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw badRequest("TOP, OFFSET and LIMIT need a whole number that is not negative.");
}

function encodePosition(position: Position): string {
  const values = position.values.map((value) => (value === undefined ? [] : [value]));
  return Buffer.from(JSON.stringify({ ...position, values })).toString("base64url");
}

function decodePosition(text: string): Position {
  try {
    const { values, serial, skipped, returned } = JSON.parse(Buffer.from(text, "base64url").toString()) as {
      values: Json[][];
      serial: number;
      skipped: number;
      returned: number;
    };
    return { values: values.map(([value]) => value), serial, skipped, returned };
  } catch {
    throw badRequest("The continuation token is malformed.");
  }
}
