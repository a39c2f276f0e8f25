import { evaluate } from "../sql/evaluator.ts";
import { parseCondition } from "../sql/parser.ts";
import type { JsonObject } from "../store/json.ts";

/** Makes a test of a patch's condition, `from c where …`; no condition is always met. */
export function parsePatchCondition(text: string | undefined): (document: JsonObject) => boolean {
  if (text === undefined) return () => true;
  const condition = parseCondition(text);
  return (document) => evaluate(condition, document, new Map()) === true;
}
