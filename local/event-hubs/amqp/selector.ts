import type { Position } from "../log/partition-log.ts";

/** The filter of a receiver's source, as the service names it. */
export const SELECTOR_FILTER = "apache.org:selector-filter:string";

const EXPRESSION = /^amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time) (>=?) '([^']*)'$/;

/**
 * Where a receiver's selector begins to read (spec azure.md §3.1): `-1` is the start, `@latest` the end, no selector the start.
 * Undefined for a selector that the service does not know.
 */
export function parseSelector(selector: string | undefined): Position | undefined {
  if (selector === undefined) return { from: "start" };
  const [, from, operator, literal] = EXPRESSION.exec(selector.trim()) ?? [];
  if (literal === "@latest") return { from: "end" };
  if (literal === "-1" && from === "offset") return { from: "start" };
  if (literal === undefined || !/^-?\d+$/.test(literal)) return undefined;
  if (from !== "offset" && from !== "sequence-number" && from !== "enqueued-time") return undefined;
  return { from, value: Number(literal), inclusive: operator === ">=" };
}
