import { canonicalJson } from "../../canonical.ts";
import type { HttpMatch } from "../../mesh/mesh.ts";
import type { Problem } from "../../mesh/problem.ts";
import type { ObjectKey } from "../../object.ts";
import { expressionFault } from "../expression.ts";
import type { SmiSemantics } from "../semantics.ts";
import { headerInvalid, pathInvalid } from "./problems.ts";
import type { HttpRouteGroup } from "./schema.ts";

/** The requests that a group's matches describe, by the name of the match. A match that is not valid is there and describes none. */
export interface HttpRoutes {
  readonly key: ObjectKey;
  readonly matches: ReadonlyMap<string, readonly HttpMatch[]>;
}

type Match = NonNullable<HttpRouteGroup["spec"]["matches"]>[number];

export function httpRoutesOf(
  group: HttpRouteGroup & { readonly key: ObjectKey },
  semantics: SmiSemantics,
): { readonly routes: HttpRoutes; readonly problems: readonly Problem[] } {
  const matches = new Map<string, readonly HttpMatch[]>();
  const problems: Problem[] = [];
  for (const match of group.spec.matches ?? []) {
    const faults = faultsOf(group.key, match);
    problems.push(...faults);
    const described = faults.length > 0 ? [] : [httpMatchOf(match, semantics)];
    matches.set(match.name, sortMatches([...(matches.get(match.name) ?? []), ...described]));
  }
  return { routes: { key: group.key, matches }, problems };
}

/** By path, without repeats: any one of them suffices, so the order in which they were written must not show. */
export function sortMatches(matches: readonly HttpMatch[]): readonly HttpMatch[] {
  if (matches.length < 2) return matches;
  const byText = new Map(matches.map((match) => [`${match.path} ${canonicalJson({ ...match })}`, match]));
  return [...byText.keys()].toSorted().flatMap((text) => byText.get(text) ?? []);
}

function faultsOf(object: ObjectKey, match: Match): readonly Problem[] {
  const problems: Problem[] = [];
  const path = match.pathRegex ?? "";
  const pathFault = expressionFault(path);
  if (pathFault !== undefined) problems.push(pathInvalid(object, { name: match.name, path }, pathFault));
  for (const { name: header, value } of match.headers ?? []) {
    const fault = expressionFault(value);
    if (fault !== undefined) problems.push(headerInvalid(object, { name: match.name, header, value }, fault));
  }
  return problems;
}

function httpMatchOf(match: Match, semantics: SmiSemantics): HttpMatch {
  const methods = match.methods ?? [];
  return {
    path: pathOf(match.pathRegex ?? "", semantics),
    methods: methods.includes("*") ? [] : [...new Set(methods)].toSorted(),
    headers: (match.headers ?? [])
      .map(({ name, value }) => ({ name: headerNameOf(name), value }))
      .toSorted(compareHeaders),
  };
}

/** SMI's text anchors the start only and leaves the end open; OSM matched the whole path. */
function pathOf(expression: string, semantics: SmiSemantics): string {
  if (expression === "") return ".*";
  return semantics === "osm" ? expression : `(?:${expression}).*`;
}

function headerNameOf(name: string): string {
  const lower = name.toLowerCase();
  return lower === "host" ? ":authority" : lower;
}

type Header = HttpMatch["headers"][number];

function compareHeaders(a: Header, b: Header): number {
  const [left, right] = [`${a.name} ${a.value}`, `${b.name} ${b.value}`];
  return left < right ? -1 : left > right ? 1 : 0;
}
