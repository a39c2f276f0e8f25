import { badRequest } from "../store/cosmos-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../store/json.ts";
import type { ComparisonOperator, Expression, Field } from "./ast.ts";
import { functions } from "./functions.ts";
import { compareScalars, equalValues, type Value } from "./values.ts";

/** Values of the parameters, by name with `@`. */
export type Parameters = ReadonlyMap<string, Json>;

/** The value of an expression for one document. */
export function evaluate(expression: Expression, document: JsonObject, parameters: Parameters): Value {
  const value = (inner: Expression): Value => evaluate(inner, document, parameters);
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "parameter":
      return parameterValue(expression.name, parameters);
    case "path":
      return valueOfPath(document, expression.steps);
    case "not": {
      const operand = value(expression.operand);
      return typeof operand === "boolean" ? !operand : undefined;
    }
    case "logical":
      return logical(expression.operator, value(expression.left), () => value(expression.right));
    case "comparison":
      return compare(expression.operator, value(expression.left), value(expression.right));
    case "in": {
      const operand = value(expression.operand);
      if (operand === undefined) return undefined;
      return expression.list.some((element) => equalValues(operand, value(element)) === true);
    }
    case "call": {
      const called = functions.get(expression.name);
      if (called === undefined) throw badRequest(`'${expression.name}' cannot stand here.`);
      return called(...expression.operands.map((operand) => value(operand)));
    }
    case "array":
      return expression.elements.map((element) => value(element)).filter((element) => element !== undefined);
    case "object":
      return evaluateFields(expression.properties, document, parameters);
  }
}

/** The object of the fields that have a value. */
export function evaluateFields(fields: readonly Field[], document: JsonObject, parameters: Parameters): JsonObject {
  const object: Record<string, Json> = {};
  for (const { name, expression } of fields) {
    const value = evaluate(expression, document, parameters);
    if (value !== undefined) object[name] = value;
  }
  return object;
}

function parameterValue(name: string, parameters: Parameters): Value {
  if (!parameters.has(name)) throw badRequest(`The query parameter '${name}' has no value.`);
  return parameters.get(name);
}

function valueOfPath(document: JsonObject, steps: readonly (string | number)[]): Value {
  let value: Value = document;
  for (const step of steps) {
    if (Array.isArray(value)) value = typeof step === "number" ? value[step] : undefined;
    else if (isJsonObject(value))
      value = typeof step === "string" && Object.hasOwn(value, step) ? value[step] : undefined;
    else return undefined;
  }
  return value;
}

/** AND and OR with undefined as a third value: false AND anything is false, true OR anything is true. */
function logical(operator: "AND" | "OR", left: Value, rightValue: () => Value): Value {
  const decisive = operator === "OR";
  if (left === decisive) return decisive;
  const right = rightValue();
  if (right === decisive) return decisive;
  return typeof left === "boolean" && typeof right === "boolean" ? !decisive : undefined;
}

function compare(operator: ComparisonOperator, left: Value, right: Value): Value {
  if (operator === "=") return equalValues(left, right);
  if (operator === "!=") {
    const equal = equalValues(left, right);
    return equal === undefined ? undefined : !equal;
  }
  const order = compareScalars(left, right);
  if (order === undefined) return undefined;
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}
