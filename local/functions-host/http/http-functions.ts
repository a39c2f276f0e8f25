import { z } from "zod";
import { compareRoutes, matchRoute, parseRoute, type Route } from "./routes.ts";

export const httpTriggerSchema = z.looseObject({
  route: z.string().optional(),
  methods: z.array(z.string()).optional(),
  authLevel: z.enum(["anonymous", "function", "admin"]).optional(),
});

/** An HTTP function as requests find it. */
export interface HttpFunction {
  readonly name: string;
  readonly route: Route;
  /** Upper case; empty for all. */
  readonly methods: readonly string[];
  readonly authLevel: "anonymous" | "function" | "admin";
}

export type Found =
  | { readonly kind: "found"; readonly name: string; readonly parameters: Readonly<Record<string, string>> }
  | { readonly kind: "no-such-route" }
  | { readonly kind: "unauthorized" };

/** @param binding the trigger's binding, settings already expanded. */
export function toHttpFunction(
  name: string,
  binding: Readonly<Record<string, unknown>>,
  routePrefix: string,
): HttpFunction {
  const { route, methods, authLevel } = httpTriggerSchema.parse(binding);
  return {
    name,
    route: parseRoute(`${routePrefix}/${route ?? name}`),
    methods: (methods ?? []).map((method) => method.toUpperCase()),
    authLevel: authLevel ?? "function",
  };
}

/**
 * Finds the function for a request. To the platform a wrong method is no route at all (404). A function of level `function` or
 * `admin` wants the host's key, in the header `x-functions-key` or the query parameter `code`.
 */
export function findHttpFunction(
  functions: readonly HttpFunction[],
  request: { readonly method: string; readonly path: string; readonly key: string | undefined },
  hostKey: string,
): Found {
  for (const fn of functions.toSorted((left, right) => compareRoutes(left.route, right.route))) {
    const parameters = matchRoute(fn.route, request.path);
    if (parameters === undefined) continue;
    if (fn.methods.length > 0 && !fn.methods.includes(request.method.toUpperCase())) continue;
    if (fn.authLevel !== "anonymous" && request.key !== hostKey) return { kind: "unauthorized" };
    return { kind: "found", name: fn.name, parameters };
  }
  return { kind: "no-such-route" };
}
