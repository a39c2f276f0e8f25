import type { Problem } from "../../mesh/problem.ts";
import type { ObjectKey } from "../../object.ts";

export function pathInvalid(
  object: ObjectKey,
  match: { readonly name: string; readonly path: string },
  fault: string,
): Problem {
  return {
    code: "regex-invalid",
    object,
    message: `match ${match.name}: pathRegex '${match.path}' is not valid RE2: ${fault}`,
  };
}

export function headerInvalid(
  object: ObjectKey,
  match: { readonly name: string; readonly header: string; readonly value: string },
  fault: string,
): Problem {
  return {
    code: "regex-invalid",
    object,
    message: `match ${match.name}: the value '${match.value}' of header ${match.header} is not valid RE2: ${fault}`,
  };
}
