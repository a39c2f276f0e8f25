import type { HttpMatch } from "../mesh/mesh.ts";
import type { HeaderMatcher } from "./gen/envoy/config/route/v3/route_components.ts";
import type { RegexMatcher } from "./gen/envoy/type/matcher/v3/regex.ts";
import type { StringMatcher } from "./gen/envoy/type/matcher/v3/string.ts";

const anyPath = ".*";

/** RE2 for the whole path without its query; undefined: any path. */
export function pathRegex(match: HttpMatch): RegexMatcher | undefined {
  return match.path === anyPath ? undefined : { regex: match.path };
}

/** Method and headers; all of them must fit. An absent header does not. */
export function headerMatchers(match: HttpMatch): readonly HeaderMatcher[] {
  const method = methodMatcher(match.methods);
  return [
    ...(method === undefined ? [] : [header(":method", method)]),
    ...match.headers.map(({ name, value }) =>
      header(name, { matchPattern: { $case: "safeRegex", value: { regex: value } } }),
    ),
  ];
}

function methodMatcher(methods: readonly string[]): StringMatcher | undefined {
  const [first, ...others] = methods;
  if (first === undefined) return undefined;
  if (others.length === 0) return { matchPattern: { $case: "exact", value: first } };
  return { matchPattern: { $case: "safeRegex", value: { regex: methods.map(quoted).join("|") } } };
}

function header(name: string, value: StringMatcher): HeaderMatcher {
  return { name, headerMatchSpecifier: { $case: "stringMatch", value } };
}

/** The text itself as RE2. */
function quoted(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}
