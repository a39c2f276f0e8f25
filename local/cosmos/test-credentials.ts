import { generateKeyPairSync } from "node:crypto";
import forge from "node-forge";

/** A certificate for 127.0.0.1 that is its own root. */
export function selfSigned(): { readonly key: string; readonly cert: string } {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const forgeKey = forge.pki.privateKeyFromPem(key);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(forgeKey.n, forgeKey.e);
  certificate.serialNumber = "01";
  certificate.validity.notBefore = new Date(Date.now() - 3_600_000);
  certificate.validity.notAfter = new Date(Date.now() + 3_600_000);
  const name = [{ name: "commonName", value: "cosmos" }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }]);
  certificate.sign(forgeKey, forge.md.sha256.create());
  return { key, cert: forge.pki.certificateToPem(certificate) };
}

/** A JWT that nobody signed: the stand-in looks at its claims alone. */
export function unsignedToken(claims: object): string {
  return `${tokenPart({ alg: "none" })}.${tokenPart(claims)}.`;
}

function tokenPart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** What the SDK asks for tokens. */
export function credential(token: string) {
  return { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
}
