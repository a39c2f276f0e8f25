import { RE2JS } from "re2js";
import type { AccountKey, Grant, HttpMatch, Mesh } from "../../shared/core/mesh/mesh.ts";
import { createMemo } from "./memo.ts";

/** Somebody tries something: a request, or without one a mere connection, to a target port of a workload. */
export interface Attempt {
  readonly from: AccountKey;
  readonly to: AccountKey;
  readonly port: number;
  readonly request?: Request;
}

export interface Request {
  readonly method: string;
  /** With or without a query. */
  readonly path: string;
  /** Lower-case names; `:authority` for the host. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the mesh allows, worked out from its grants as plainly as can be: what proxies do is compared with this. */
export function allowed(mesh: Pick<Mesh, "settings" | "grants">, attempt: Attempt): boolean {
  return mesh.settings.mode === "permissive" || mesh.grants.some((grant) => gives(grant, attempt));
}

function gives(grant: Grant, { from, to, port, request }: Attempt): boolean {
  if (grant.to !== to || !grant.from.includes(from)) return false;
  if (request === undefined) return grant.tcp !== undefined && covers(grant.tcp.ports, port);
  if (grant.http === undefined || !covers(grant.http.ports, port)) return false;
  return grant.http.requests === "any" || grant.http.requests.some((match) => fits(match, request));
}

function covers(ports: "any" | readonly number[], port: number): boolean {
  return ports === "any" || ports.includes(port);
}

/** Does a request fit all members of a match? */
function fits({ path, methods, headers }: HttpMatch, request: Request): boolean {
  const [pathOnly = ""] = request.path.split("?");
  return (
    matchesWhole(path, pathOnly) &&
    (methods.length === 0 || methods.includes(request.method)) &&
    headers.every(({ name, value }) => {
      const present = request.headers?.[name];
      return present !== undefined && matchesWhole(value, present);
    })
  );
}

const compiled = createMemo<RE2JS>();

function matchesWhole(expression: string, text: string): boolean {
  return compiled(expression, () => RE2JS.compile(expression)).matches(text);
}
