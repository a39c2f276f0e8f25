import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import type { Validity } from "../../shared/core/identity/renewal.ts";
import { type Issuer, makeCertificate, readSubject, readValidity } from "./x509.ts";

/** PEM of a certificate and of its key. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** A P-256 pair, as all keys of the mesh are. */
export function makeKeyPair(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** The intermediate, and a few roots that came later (root-rotation.ts). */
const rootPathLength = 4;

/** No two have the same name: whoever trusts several finds the right one. */
export function makeRoot(clusterName: string, validity: Validity): KeyedCertificate {
  const { publicKey, privateKey } = makeKeyPair();
  const subject = `root ${randomBytes(4).toString("hex")} of ${clusterName}`;
  const certificate = makeCertificate(
    {
      serial: randomBytes(16),
      subject,
      publicKey,
      validity,
      use: { kind: "authority", pathLength: rootPathLength },
    },
    { subject, key: privateKey, publicKey },
  );
  return { certificate, key: exportKey(privateKey) };
}

/** Ends no later than its root. */
export function makeIssuing(clusterName: string, root: KeyedCertificate, validity: Validity): KeyedCertificate {
  const { publicKey, privateKey } = makeKeyPair();
  const certificate = makeCertificate(
    {
      serial: randomBytes(16),
      subject: `issuer of ${clusterName}`,
      publicKey,
      validity: { ...validity, notAfter: Math.min(validity.notAfter, readValidity(root.certificate).notAfter) },
      use: { kind: "authority", pathLength: 0 },
    },
    toIssuer(root),
  );
  return { certificate, key: exportKey(privateKey) };
}

export function toIssuer(material: KeyedCertificate): Issuer {
  const key = createPrivateKey(material.key);
  return { subject: readSubject(material.certificate), key, publicKey: createPublicKey(key) };
}

/** PEM (PKCS #8). */
export function exportKey(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
