import { createHmac, timingSafeEqual } from "node:crypto";

export type Right = "send" | "listen" | "manage";

/** A shared access policy of the namespace. */
export interface AccessKey {
  readonly name: string;
  readonly key: string;
  readonly rights: readonly Right[];
}

/** The name and key that the official emulator has in its connection string (spec azure.md §5.1); it may do everything. */
export const rootKey: AccessKey = {
  name: "RootManageSharedAccessKey",
  key: "SAS_KEY_VALUE",
  rights: ["send", "listen", "manage"],
};

/** The connection string for a stand-in that listens at `address` (`host:port`), as the SDK takes it. */
export function connectionStringOf(address: string, { name, key }: AccessKey): string {
  return `Endpoint=sb://${address};SharedAccessKeyName=${name};SharedAccessKey=${key};UseDevelopmentEmulator=true;`;
}

const RIGHTS: readonly Right[] = ["send", "listen", "manage"];

/** A key from `name=send,listen`; its secret is made of its name. @throws Error in one line */
export function parseAccessKey(text: string): AccessKey {
  const [name, list] = splitOnce(text);
  const wanted = list.split(",");
  const rights = RIGHTS.filter((right) => wanted.includes(right));
  if (name === "" || rights.length !== wanted.length)
    throw new Error(`--key ${text}: a name, "=" and some of ${RIGHTS.join(",")}`);
  return { name, key: `${name.toUpperCase()}_KEY_VALUE`, rights };
}

/** What a verified token allows. */
export interface Claim {
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly rights: readonly Right[];
}

/** Reads `SharedAccessSignature sr=…&sig=…&se=…&skn=…`; undefined when it is none, or the signature is not of the key that it names. */
export function verifySharedAccessSignature(token: string, keys: readonly AccessKey[]): Claim | undefined {
  const [scheme, fields = ""] = token.split(" ", 2);
  if (scheme !== "SharedAccessSignature") return undefined;
  const values = new Map(fields.split("&").map((field) => splitOnce(field)));
  const resource = values.get("sr");
  const expiry = values.get("se");
  const signature = values.get("sig");
  const access = keys.find(({ name }) => name === decode(values.get("skn") ?? ""));
  if (access === undefined || resource === undefined || expiry === undefined || signature === undefined)
    return undefined;
  if (!/^\d+$/.test(expiry)) return undefined;
  const expected = createHmac("sha256", access.key).update(`${resource}\n${expiry}`).digest();
  const given = Buffer.from(decode(signature), "base64");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return { audience: decode(resource), expiresAt: Number(expiry) * 1000, rights: access.rights };
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
