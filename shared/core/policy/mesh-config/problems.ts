import type { Problem } from "../../mesh/problem.ts";
import type { ObjectKey } from "../../object.ts";

export function valueInvalid(
  object: ObjectKey,
  path: string,
  fault: { readonly value: unknown; readonly instead: string },
): Problem {
  return {
    code: "meshconfig-value-invalid",
    object,
    message: `${path} is ${JSON.stringify(fault.value)}, which cannot be used; ${fault.instead}`,
  };
}
