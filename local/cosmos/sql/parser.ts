import type { Expression, Field, Ordering, Query, Selection } from "./ast.ts";
import { parseExpression } from "./expression-parser.ts";
import { createTokenReader, type TokenReader } from "./token-reader.ts";
import { tokenize } from "./tokenizer.ts";

/**
 * Parses a query: `SELECT [TOP n] * | VALUE e | e [AS name], … FROM c [WHERE e] [ORDER BY e [ASC|DESC], …]
 * [OFFSET n LIMIT n]`. No joins, sub-queries, GROUP BY or DISTINCT: 400.
 */
export function parseQuery(text: string): Query {
  const reader = createTokenReader(tokenize(text), findAlias(text));
  reader.expectWord("SELECT");
  const top = reader.takeWord("TOP") ? parseCount(reader) : undefined;
  const selection = parseSelection(reader);
  parseFrom(reader);
  const where = reader.takeWord("WHERE") ? parseExpression(reader) : undefined;
  const orderBy = parseOrderBy(reader);
  let offset: Expression | undefined;
  let limit = top;
  if (reader.takeWord("OFFSET")) {
    offset = parseCount(reader);
    reader.expectWord("LIMIT");
    limit = parseCount(reader);
  }
  reader.expectEnd();
  return { selection, where, orderBy, limit, offset };
}

/** Parses the condition of a patch, `from c where …`. */
export function parseCondition(text: string): Expression {
  const reader = createTokenReader(tokenize(text), findAlias(text));
  parseFrom(reader);
  reader.expectWord("WHERE");
  const condition = parseExpression(reader);
  reader.expectEnd();
  return condition;
}

/** The name that stands for the document; known before the selection is parsed, though it is written after it. */
function findAlias(text: string): string {
  const tokens = tokenize(text);
  const from = tokens.findIndex(
    (token, index) => token.kind === "word" && token.text.toUpperCase() === "FROM" && tokens[index - 1]?.text !== ".",
  );
  if (from === -1) return "c";
  const [name, second, third] = tokens.slice(from + 1, from + 4);
  if (second?.kind === "word" && second.text.toUpperCase() === "AS") return third?.text ?? "";
  const isAlias =
    second?.kind === "word" && !["WHERE", "ORDER", "OFFSET", "JOIN", "GROUP", "IN"].includes(second.text.toUpperCase());
  return isAlias ? second.text : (name?.text ?? "");
}

function parseFrom(reader: TokenReader): void {
  reader.expectWord("FROM");
  reader.takeName();
  reader.takeWord("AS");
  if (reader.peek().kind === "word" && reader.peek().text === reader.alias) reader.take();
}

function parseSelection(reader: TokenReader): Selection {
  if (reader.takeSymbol("*")) return { kind: "document" };
  if (reader.takeWord("VALUE")) {
    const expression = parseExpression(reader, { aggregates: true });
    const part = countOfPart(expression);
    const counted = part ?? countOperand(expression);
    return counted === undefined
      ? { kind: "value", expression }
      : { kind: "count", expression: counted, name: undefined, isPart: part !== undefined };
  }
  const fields: Field[] = [];
  let unnamed = 0;
  do {
    const expression = parseExpression(reader, { aggregates: true });
    const name = reader.takeWord("AS") ? reader.takeName() : nameOf(expression, reader.alias);
    if (name === undefined) unnamed += 1;
    fields.push({ name: name ?? `$${unnamed}`, expression });
  } while (reader.takeSymbol(","));
  const [only] = fields;
  const counted = only === undefined ? undefined : countOperand(only.expression);
  if (only !== undefined && counted !== undefined && fields.length === 1) {
    return { kind: "count", expression: counted, name: only.name, isPart: false };
  }
  if (fields.some((field) => countOperand(field.expression) !== undefined)) throw reader.unexpected();
  return { kind: "fields", fields };
}

function countOperand(expression: Expression): Expression | undefined {
  return expression.kind === "call" && expression.name === "COUNT" ? expression.operands[0] : undefined;
}

/** What is counted by `[{"item": COUNT(…)}]`. */
function countOfPart(expression: Expression): Expression | undefined {
  if (expression.kind !== "array" || expression.elements.length !== 1) return undefined;
  const [element] = expression.elements;
  const field = element?.kind === "object" && element.properties.length === 1 ? element.properties[0] : undefined;
  return field?.name === "item" ? countOperand(field.expression) : undefined;
}

function nameOf(expression: Expression, alias: string): string | undefined {
  if (expression.kind !== "path") return undefined;
  const last = expression.steps.at(-1);
  if (last === undefined) return alias;
  return typeof last === "string" ? last : undefined;
}

function parseOrderBy(reader: TokenReader): readonly Ordering[] {
  const orderings: Ordering[] = [];
  if (!reader.takeWord("ORDER")) return orderings;
  reader.expectWord("BY");
  do {
    const expression = parseExpression(reader);
    const descending = reader.takeWord("DESC");
    if (!descending) reader.takeWord("ASC");
    orderings.push({ expression, descending });
  } while (reader.takeSymbol(","));
  return orderings;
}

function parseCount(reader: TokenReader): Expression {
  const token = reader.take();
  if (token.kind === "number") return { kind: "literal", value: token.value };
  if (token.kind === "parameter") return { kind: "parameter", name: token.text };
  throw reader.unexpected(token);
}
