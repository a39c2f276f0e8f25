import { RE2JS } from "re2js";

/** Longer ones are refused: a proxy compiles every expression, and none that a person writes comes near. */
const longest = 4096;
/** Instructions. Envoy's compiler makes up to half as many again of the same expression and accepts 100,000 (gateway/inject/bootstrap.ts). */
const largest = 20_000;

/** Why Envoy would refuse the expression (RE2), or undefined when it is valid. */
export function expressionFault(expression: string): string | undefined {
  if (expression.length > longest) return `longer than ${longest} characters`;
  try {
    const size = RE2JS.compile(expression).programSize();
    return size > largest ? `it compiles to ${size} instructions, more than ${largest}` : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
