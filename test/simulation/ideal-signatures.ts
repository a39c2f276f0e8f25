import { createHash, createPublicKey, type KeyObject } from "node:crypto";

/** The real one, which this one takes the place of. */
const readPublicKey = createPublicKey;

/**
 * Signatures that nobody can forge and that cost next to nothing: what was signed is remembered, and nothing else verifies. Ed25519 itself has tests of its
 * own (shared/core/events/envelope.test.ts); here it would take a third of the time.
 */
export interface IdealSignatures {
  readonly sign: (algorithm: null, data: Buffer, key: KeyObject) => Buffer;
  readonly verify: (algorithm: null, data: Buffer, key: KeyObject, signature: Buffer) => boolean;
  readonly createPublicKey: (key: string | KeyObject) => KeyObject;
}

/** Take the place of node:crypto's functions of the same names. */
export function createIdealSignatures(): IdealSignatures {
  const publicKeys = new Map<string, KeyObject>();
  /** Of a key, private or public: PEM of the public one. */
  const names = new WeakMap<KeyObject, string>();
  const signed = new Set<string>();
  const publicKeyOf = (key: string | KeyObject): KeyObject => {
    const known = typeof key === "string" ? publicKeys.get(key) : undefined;
    const made = known ?? readPublicKey(key);
    if (typeof key === "string") publicKeys.set(key, made);
    return made;
  };
  const nameOf = (key: KeyObject): string => {
    const known = names.get(key);
    if (known !== undefined) return known;
    const name = (key.type === "private" ? readPublicKey(key) : key).export({ type: "spki", format: "pem" }).toString();
    names.set(key, name);
    return name;
  };
  const entryOf = (data: Buffer, key: KeyObject, signature: Buffer): string =>
    `${nameOf(key)}${signature.toString("base64")} ${createHash("sha256").update(data).digest("base64")}`;
  return {
    sign(_, data, key) {
      const signature = createHash("sha512").update(nameOf(key)).update(data).digest();
      signed.add(entryOf(data, key, signature));
      return signature;
    },
    verify: (_, data, key, signature) => signed.has(entryOf(data, key, signature)),
    createPublicKey: publicKeyOf,
  };
}
