import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

/** The same keys in every history, so that the same texts have the same signatures. They are no secret: `fill` is each of their bytes. */
function keyOf(fill: number): KeyObject {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, fill)]);
  return createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
}

const privateKey = keyOf(7);

/** The one that the cluster joined with. */
export const publisherKey = { kid: "publisher", privateKey } as const;
/** PEM of its public half. */
export const publisherPublicKey = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
/** Of somebody who has no right. */
export const strangersKey = keyOf(9);
