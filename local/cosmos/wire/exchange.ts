import type { IncomingHttpHeaders } from "node:http";
import { badRequest } from "../store/cosmos-error.ts";
import type { Json } from "../store/json.ts";

/** A request, read completely. */
export interface WireRequest {
  readonly method: string;
  /** Decoded parts of the path, e.g. `["dbs", "weft", "colls"]`. */
  readonly segments: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether it came over TLS. */
  readonly secure: boolean;
}

export interface WireReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON; undefined sends no body. */
  readonly body: Json | undefined;
}

/** The value of a header that may stand once. */
export function header(request: WireRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export function isFlagSet(request: WireRequest, name: string): boolean {
  return header(request, name)?.toLowerCase() === "true";
}

/** `x-ms-max-item-count`; -1 or none leaves it to the server. */
export function pageSize(request: WireRequest, preferred: number): number {
  const value = Number(header(request, "x-ms-max-item-count") ?? -1);
  if (value === -1) return preferred;
  if (!Number.isInteger(value) || value < 1) throw badRequest("The value of x-ms-max-item-count is invalid.");
  return Math.min(value, 1000);
}

/** The body as JSON; 400 when it is not. */
export function jsonBody(request: WireRequest): Json {
  try {
    return JSON.parse(request.body.toString()) as Json;
  } catch {
    throw badRequest("The request body is not valid JSON.");
  }
}
