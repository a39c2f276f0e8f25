import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** A hub message: `event` is JSON text whose exact characters are signed with Ed25519 (design.md §3). */
export interface Envelope {
  /** Names the publisher's key; its public half is registered as `key:<kid>` in the cluster's partition. */
  readonly kid: string;
  /** base64url */
  readonly signature: string;
  readonly event: string;
}

/** Messages above this are refused by the publisher: a hub takes 1 MB with everything around it. */
export const maxMessageBytes = 900 * 1024;

export function sealEnvelope(event: string, key: { readonly kid: string; readonly privateKey: KeyObject }): Envelope {
  const signature = sign(null, Buffer.from(event, "utf8"), key.privateKey).toString("base64url");
  return { kid: key.kid, signature, event };
}

/** `publicKey` is a PEM (SubjectPublicKeyInfo). False for anything that does not verify, whatever the reason. */
export function verifyEnvelope(envelope: Envelope, publicKey: string): boolean {
  try {
    const signature = Buffer.from(envelope.signature, "base64url");
    return verify(null, Buffer.from(envelope.event, "utf8"), createPublicKey(publicKey), signature);
  } catch {
    return false; // an unreadable key or signature verifies nothing; the caller counts it
  }
}
