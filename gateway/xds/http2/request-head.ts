import type { Field } from "./hpack-decoder.ts";

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** Fields by lower-case name; the first where there are several. */
  readonly headers: ReadonlyMap<string, string>;
  /** Bytes that the request says it has. */
  readonly contentLength: number | undefined;
}

const connectionFields = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/** Undefined when the fields are malformed (RFC 9113 §8.1.1, §8.2, §8.3.1). CONNECT is no request that we know. */
export function readRequestHead(fields: readonly Field[]): RequestHead | undefined {
  const pseudo = new Map<string, string>();
  const headers = new Map<string, string>();
  for (const [name, value] of fields) {
    if (name.startsWith(":")) {
      if (headers.size > 0 || pseudo.has(name) || !pseudoFields.has(name)) return undefined;
      if (invalidValue.test(value)) return undefined;
      pseudo.set(name, value);
    } else {
      if (!isRegularField(name, value)) return undefined;
      if (!headers.has(name)) headers.set(name, value);
    }
  }
  const method = pseudo.get(":method");
  const path = pseudo.get(":path");
  if (method === undefined || !pseudo.has(":scheme") || path === undefined || path === "") return undefined;
  const length = headers.get("content-length");
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return undefined;
  return { method, path, headers, contentLength: length === undefined ? undefined : Number(length) };
}

/** Fields after the body: regular ones alone. */
export function areTrailers(fields: readonly Field[]): boolean {
  return fields.every(([name, value]) => isRegularField(name, value));
}

const pseudoFields = new Set([":method", ":scheme", ":authority", ":path"]);
const validName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const invalidValue = /[\0\r\n]/;

function isRegularField(name: string, value: string): boolean {
  return (
    validName.test(name) &&
    !invalidValue.test(value) &&
    !connectionFields.has(name) &&
    (name !== "te" || value === "trailers")
  );
}
