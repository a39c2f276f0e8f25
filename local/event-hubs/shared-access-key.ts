import { createHmac, timingSafeEqual } from "node:crypto";

/** The name and key that the official emulator has in its connection string (spec azure.md §5.1). */
export const KEY_NAME = "RootManageSharedAccessKey";
export const KEY = "SAS_KEY_VALUE";

/** The connection string for a stand-in that listens at `address` (`host:port`), as the SDK takes it. */
export function connectionStringOf(address: string): string {
  return `Endpoint=sb://${address};SharedAccessKeyName=${KEY_NAME};SharedAccessKey=${KEY};UseDevelopmentEmulator=true;`;
}

/** What a verified token allows. */
export interface Claim {
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Reads `SharedAccessSignature sr=…&sig=…&se=…&skn=…`; undefined when it is none, or the signature is not of our key. */
export function verifySharedAccessSignature(token: string): Claim | undefined {
  const [scheme, fields = ""] = token.split(" ", 2);
  if (scheme !== "SharedAccessSignature") return undefined;
  const values = new Map(fields.split("&").map((field) => splitOnce(field)));
  const resource = values.get("sr");
  const expiry = values.get("se");
  const signature = values.get("sig");
  if (resource === undefined || expiry === undefined || signature === undefined || !/^\d+$/.test(expiry))
    return undefined;
  const expected = createHmac("sha256", KEY).update(`${resource}\n${expiry}`).digest();
  const given = Buffer.from(decode(signature), "base64");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return { audience: decode(resource), expiresAt: Number(expiry) * 1000 };
}

/** Text that is wrongly encoded is left as it is: no signature and no audience will match it. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    if (cause instanceof URIError) return text;
    throw cause;
  }
}

function splitOnce(field: string): readonly [string, string] {
  const at = field.indexOf("=");
  return at < 0 ? [field, ""] : [field.slice(0, at), field.slice(at + 1)];
}
