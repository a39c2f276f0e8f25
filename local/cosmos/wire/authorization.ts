import { createHmac, timingSafeEqual } from "node:crypto";
import type { Principal } from "../core/rights.ts";
import { forbidden, unauthorized } from "../store/cosmos-error.ts";
import { isJsonObject, type Json, textAt } from "../store/json.ts";
import { header, type WireRequest } from "./exchange.ts";

/** The key that every emulator of the service uses; public, as it is in the vendor's documentation. */
export const emulatorKey = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==";

/** Furthest that the client's clock may be off, ms. */
const maxClockSkew = 15 * 60 * 1000;

/** Checks the `authorization` header: `type=master` (HMAC with the key) or, over TLS only, `type=aad` (any JWT). */
export function authorize(request: WireRequest, now: number): Principal {
  const text = header(request, "authorization");
  if (text === undefined)
    throw unauthorized("Required Header authorization is missing. Ensure a valid Authorization token is passed.");
  const fields = parseFields(text);
  switch (fields.get("type")) {
    case "master":
      checkKey(request, fields.get("sig") ?? "", now);
      return { kind: "key" };
    case "aad":
      if (!request.secure) throw unauthorized("Bearer tokens are accepted over TLS only.");
      return { kind: "identity", id: identityOf(fields.get("sig") ?? "", now) };
    case undefined:
    default:
      throw unauthorized("The input authorization token can't serve the request. The type of the token is unknown.");
  }
}

function parseFields(text: string): ReadonlyMap<string, string> {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw unauthorized("The authorization header is malformed.");
  }
  const pairs = decoded.split("&").map((field): [string, string] => {
    const at = field.indexOf("=");
    return [field.slice(0, at), field.slice(at + 1)];
  });
  return new Map(pairs);
}

function checkKey(request: WireRequest, signature: string, now: number): void {
  const date = header(request, "x-ms-date") ?? header(request, "date") ?? "";
  const { type, link } = signedResource(request.segments);
  const payload = `${request.method.toLowerCase()}\n${type}\n${link}\n${date.toLowerCase()}\n\n`;
  const expected = createHmac("sha256", Buffer.from(emulatorKey, "base64")).update(payload).digest();
  const given = Buffer.from(signature, "base64");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw unauthorized(
      "The input authorization token can't serve the request. The wrong key is being used or the expected payload is not built as per the protocol.",
    );
  }
  if (!(Math.abs(Date.parse(date) - now) <= maxClockSkew)) {
    throw forbidden("The authorization token is not valid at the current time. Check the clock of the client.");
  }
}

/** The resource that a signature covers: for a feed its parent. */
function signedResource(segments: readonly string[]): { readonly type: string; readonly link: string } {
  const isFeed = segments.length % 2 === 1;
  const type = isFeed ? segments.at(-1) : segments.at(-2);
  return { type: (type ?? "").toLowerCase(), link: (isFeed ? segments.slice(0, -1) : segments).join("/") };
}

/** The object id of the identity that a token is for. */
function identityOf(token: string, now: number): string {
  const claims = parseClaims(token);
  if (!isJsonObject(claims)) throw unauthorized("The bearer token is not a JWT.");
  const expiry = claims["exp"];
  if (typeof expiry === "number" && expiry * 1000 <= now) throw unauthorized("The bearer token has expired.");
  return textAt(claims, "oid") || textAt(claims, "sub");
}

function parseClaims(token: string): Json | undefined {
  const [head, payload, signature] = token.split(".");
  if (head === undefined || payload === undefined || signature === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(payload, "base64url").toString()) as Json;
  } catch {
    return undefined;
  }
}
