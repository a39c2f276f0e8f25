import type { Problem } from "../../mesh/problem.ts";
import type { ObjectKey } from "../../object.ts";

/** One function for each thing that can be wrong, so that the wording of a kind is in one place. New codes go into the catalogue in mesh/problem.ts. */
export function effectUnknown(object: ObjectKey, effect: string): Problem {
  return { code: "object-unreadable", object, message: `spec.effect is '${effect}', not none` };
}
