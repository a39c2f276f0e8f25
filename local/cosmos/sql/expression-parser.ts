import { badRequest } from "../store/cosmos-error.ts";
import type { ComparisonOperator, Expression, Field } from "./ast.ts";
import { functions } from "./functions.ts";
import type { TokenReader } from "./token-reader.ts";

interface ExpressionOptions {
  /** Whether `COUNT(…)` may stand here. */
  readonly aggregates?: boolean;
}

const comparisons: Readonly<Record<string, ComparisonOperator>> = {
  "=": "=",
  "!=": "!=",
  "<>": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
};

const constants: ReadonlyMap<string, boolean | null | undefined> = new Map([
  ["TRUE", true],
  ["FALSE", false],
  ["NULL", null],
  ["UNDEFINED", undefined],
]);

/** Parses OR over AND over NOT over comparisons. */
export function parseExpression(reader: TokenReader, options: ExpressionOptions = {}): Expression {
  let left = parseConjunction(reader, options);
  while (reader.takeWord("OR")) {
    left = { kind: "logical", operator: "OR", left, right: parseConjunction(reader, options) };
  }
  return left;
}

function parseConjunction(reader: TokenReader, options: ExpressionOptions): Expression {
  let left = parseNegation(reader, options);
  while (reader.takeWord("AND")) {
    left = { kind: "logical", operator: "AND", left, right: parseNegation(reader, options) };
  }
  return left;
}

function parseNegation(reader: TokenReader, options: ExpressionOptions): Expression {
  return reader.takeWord("NOT")
    ? { kind: "not", operand: parseNegation(reader, options) }
    : parseComparison(reader, options);
}

function parseComparison(reader: TokenReader, options: ExpressionOptions): Expression {
  const left = parsePrimary(reader, options);
  const operator = comparisons[reader.takeSymbol(...Object.keys(comparisons)) ?? ""];
  if (operator !== undefined) return { kind: "comparison", operator, left, right: parsePrimary(reader, {}) };
  if (reader.takeWord("IN")) return { kind: "in", operand: left, list: parseList(reader, parentheses) };
  if (reader.takeWord("NOT")) {
    reader.expectWord("IN");
    return { kind: "not", operand: { kind: "in", operand: left, list: parseList(reader, parentheses) } };
  }
  if (reader.takeWord("BETWEEN")) {
    const low = parsePrimary(reader, {});
    reader.expectWord("AND");
    const high = parsePrimary(reader, {});
    return {
      kind: "logical",
      operator: "AND",
      left: { kind: "comparison", operator: ">=", left, right: low },
      right: { kind: "comparison", operator: "<=", left, right: high },
    };
  }
  return left;
}

function parsePrimary(reader: TokenReader, options: ExpressionOptions): Expression {
  const token = reader.peek();
  switch (token.kind) {
    case "number":
    case "string":
      reader.take();
      return { kind: "literal", value: token.value };
    case "parameter":
      reader.take();
      return { kind: "parameter", name: token.text };
    case "word":
      return parseWord(reader, options);
    case "symbol":
      return parseSymbol(reader, options);
    case "end":
      throw reader.unexpected();
  }
}

function parseWord(reader: TokenReader, options: ExpressionOptions): Expression {
  const token = reader.take();
  const upper = token.text.toUpperCase();
  if (reader.peek().text === "(") {
    if (!functions.has(upper) && !(upper === "COUNT" && options.aggregates === true)) {
      throw badRequest(`'${token.text}' is not a recognized built-in function name.`);
    }
    return { kind: "call", name: upper, operands: parseList(reader, parentheses) };
  }
  if (token.text === reader.alias) return parsePath(reader);
  if (constants.has(upper)) return { kind: "literal", value: constants.get(upper) };
  throw badRequest(`Identifier '${token.text}' could not be resolved.`);
}

function parseSymbol(reader: TokenReader, options: ExpressionOptions): Expression {
  switch (reader.peek().text) {
    case "(": {
      reader.take();
      const inner = parseExpression(reader, options);
      reader.expectSymbol(")");
      return inner;
    }
    case "[":
      return { kind: "array", elements: parseList(reader, { open: "[", close: "]" }, options) };
    case "{":
      return { kind: "object", properties: parseProperties(reader, options) };
    case "-": {
      reader.take();
      const number = reader.take();
      if (number.kind !== "number") throw reader.unexpected(number);
      return { kind: "literal", value: -number.value };
    }
    default:
      throw reader.unexpected();
  }
}

function parsePath(reader: TokenReader): Expression {
  const steps: (string | number)[] = [];
  for (;;) {
    if (reader.takeSymbol(".") !== undefined) {
      steps.push(reader.takeName());
    } else if (reader.takeSymbol("[") !== undefined) {
      const step = reader.take();
      if (step.kind !== "string" && step.kind !== "number") throw reader.unexpected(step);
      steps.push(step.value);
      reader.expectSymbol("]");
    } else {
      return { kind: "path", steps };
    }
  }
}

const parentheses = { open: "(", close: ")" };

function parseList(
  reader: TokenReader,
  { open, close }: { readonly open: string; readonly close: string },
  options: ExpressionOptions = {},
): readonly Expression[] {
  reader.expectSymbol(open);
  const list: Expression[] = [];
  if (reader.takeSymbol(close) !== undefined) return list;
  do list.push(parseExpression(reader, options));
  while (reader.takeSymbol(",") !== undefined);
  reader.expectSymbol(close);
  return list;
}

function parseProperties(reader: TokenReader, options: ExpressionOptions): readonly Field[] {
  reader.expectSymbol("{");
  const properties: Field[] = [];
  if (reader.takeSymbol("}") !== undefined) return properties;
  do {
    const name = reader.take();
    if (name.kind !== "word" && name.kind !== "string") throw reader.unexpected(name);
    reader.expectSymbol(":");
    properties.push({
      name: name.kind === "string" ? name.value : name.text,
      expression: parseExpression(reader, options),
    });
  } while (reader.takeSymbol(",") !== undefined);
  reader.expectSymbol("}");
  return properties;
}
