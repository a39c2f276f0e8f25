/** One HTTP function's address: a template such as `meshes/{mesh}/pages/{*rest}`, after the prefix. */
export interface Route {
  readonly segments: readonly Segment[];
}

type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | {
      readonly kind: "parameter";
      readonly name: string;
      readonly optional: boolean;
      readonly constraint: string | undefined;
    }
  | { readonly kind: "rest"; readonly name: string };

/** Parses a route template of the platform: literals, `{name}`, `{name?}`, `{name:int}`, and last of all `{*name}`. */
export function parseRoute(template: string): Route {
  const parts = template.split("/").filter((part) => part !== "");
  return { segments: parts.map(parseSegment) };
}

function parseSegment(part: string): Segment {
  const match = /^\{(\*{0,2})([^}:?]+)(?::([^}?]+))?(\?)?\}$/.exec(part);
  if (match === null) return { kind: "literal", text: part };
  const [, star, name = "", constraint, optional] = match;
  if (star !== "") return { kind: "rest", name };
  return { kind: "parameter", name, optional: optional !== undefined, constraint };
}

/** The parameters of a path that fits, `undefined` for one that does not. Letter case does not matter, as on the platform. */
export function matchRoute(route: Route, path: string): Readonly<Record<string, string>> | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const parameters: Record<string, string> = {};
  for (const [index, segment] of route.segments.entries()) {
    const part = parts[index];
    if (segment.kind === "rest") {
      parameters[segment.name] = parts.slice(index).map(decode).join("/");
      return parameters;
    }
    if (part === undefined) {
      if (segment.kind === "parameter" && segment.optional) return parameters;
      return undefined;
    }
    if (segment.kind === "literal") {
      if (segment.text.toLowerCase() !== decode(part).toLowerCase()) return undefined;
    } else {
      if (!satisfies(decode(part), segment.constraint)) return undefined;
      parameters[segment.name] = decode(part);
    }
  }
  return parts.length > route.segments.length ? undefined : parameters;
}

/** Orders routes as the platform tries them: literals before parameters before rests, segment by segment. */
export function compareRoutes(left: Route, right: Route): number {
  const length = Math.max(left.segments.length, right.segments.length);
  for (let index = 0; index < length; index += 1) {
    const difference = rank(left.segments[index]) - rank(right.segments[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function rank(segment: Segment | undefined): number {
  if (segment === undefined) return 0;
  if (segment.kind === "literal") return 1;
  if (segment.kind === "rest") return 4;
  return segment.constraint === undefined ? 3 : 2;
}

const constraints: Readonly<Record<string, RegExp>> = {
  int: /^-?\d+$/,
  long: /^-?\d+$/,
  bool: /^(true|false)$/i,
  alpha: /^[a-z]+$/i,
  guid: /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
};

/** A constraint that is not known here lets everything through. */
function satisfies(value: string, constraint: string | undefined): boolean {
  return constraint === undefined || (constraints[constraint]?.test(value) ?? true);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
