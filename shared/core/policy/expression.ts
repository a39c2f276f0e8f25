import { RE2JS } from "re2js";

/** Longer ones are refused: a proxy compiles every expression, and none that a person writes comes near. */
const longest = 4096;

/** Why Envoy would refuse the expression (RE2), or undefined when it is valid. */
export function expressionFault(expression: string): string | undefined {
  if (expression.length > longest) return `longer than ${longest} characters`;
  try {
    RE2JS.compile(expression);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
