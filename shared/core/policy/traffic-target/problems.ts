import type { Problem } from "../../mesh/problem.ts";
import type { ObjectKey } from "../../object.ts";
import type { TrafficTargetRule } from "./schema.ts";

/** Where in the list a rule or source stands. */
interface Place<T> {
  readonly index: number;
  readonly item: T;
}

export function namespaceMismatch(object: ObjectKey, namespace: string): Problem {
  return {
    code: "target-namespace-mismatch",
    object,
    message: `spec.destination.namespace is '${namespace}', but the TrafficTarget stands in '${object.namespace}'`,
  };
}

export function accountKindUnsupported(object: ObjectKey, path: string, kind: string): Problem {
  return { code: "account-kind-unsupported", object, message: `${path}.kind is '${kind}', not ServiceAccount` };
}

export function sourcesMissing(object: ObjectKey): Problem {
  return { code: "sources-missing", object, message: "spec.sources is empty" };
}

export function rulesMissing(object: ObjectKey): Problem {
  return { code: "rules-missing", object, message: "spec.rules is empty" };
}

export function routeKindUnsupported(object: ObjectKey, { index, item }: Place<TrafficTargetRule>): Problem {
  return {
    code: "route-kind-unsupported",
    object,
    message: `spec.rules[${index}].kind is '${item.kind}', not HTTPRouteGroup or TCPRoute`,
  };
}

export function routeNotFound(object: ObjectKey, { index, item }: Place<TrafficTargetRule>): Problem {
  return {
    code: "route-group-not-found",
    object,
    message: `spec.rules[${index}] names the ${item.kind} '${item.name}', which does not exist in '${object.namespace}' or cannot be read`,
  };
}

export function routeMatchMissing(object: ObjectKey, { index, item }: Place<TrafficTargetRule>): Problem {
  return {
    code: "route-match-missing",
    object,
    message: `spec.rules[${index}] names no matches of the HTTPRouteGroup '${item.name}'`,
  };
}

export function routeMatchNotFound(
  object: ObjectKey,
  { index, item }: Place<TrafficTargetRule>,
  match: string,
): Problem {
  return {
    code: "route-match-not-found",
    object,
    message: `spec.rules[${index}].matches names '${match}', which the HTTPRouteGroup '${item.name}' does not have`,
  };
}
