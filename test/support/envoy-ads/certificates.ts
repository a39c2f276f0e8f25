import forge from "node-forge";
import { type AccountKey, parseNamespacedName } from "../../../shared/core/mesh/mesh.ts";

/** A root for one test, and certificates below it as workloads have them. RSA: quick enough for a few, and forge signs it. */
export interface TestAuthority {
  /** PEM. */
  readonly roots: string;
  issue(account: AccountKey): { readonly certificateChain: string; readonly privateKey: string };
}

const dayMs = 24 * 3600 * 1000;

export function createTestAuthority(trustDomain: string): TestAuthority {
  const rootKeys = forge.pki.rsa.generateKeyPair(2048);
  const workloadKeys = forge.pki.rsa.generateKeyPair(2048);
  const subject = [{ name: "commonName", value: "test root" }];
  const root = certificate({
    keys: rootKeys,
    subject,
    issuer: subject,
    signer: rootKeys,
    extensions: [{ name: "basicConstraints", cA: true, critical: true }],
  });
  return {
    roots: forge.pki.certificateToPem(root),
    issue: (account) => {
      const { namespace, name } = parseNamespacedName(account);
      const altNames = [
        { type: 6, value: `spiffe://${trustDomain}/ns/${namespace}/sa/${name}` },
        { type: 2, value: `${name}.${namespace}.${trustDomain}` },
      ];
      const leaf = certificate({
        keys: workloadKeys,
        subject: [{ name: "commonName", value: name }],
        issuer: subject,
        signer: rootKeys,
        extensions: [{ name: "subjectAltName", altNames }],
      });
      return {
        certificateChain: forge.pki.certificateToPem(leaf),
        privateKey: forge.pki.privateKeyToPem(workloadKeys.privateKey),
      };
    },
  };
}

function certificate(options: {
  readonly keys: forge.pki.rsa.KeyPair;
  readonly subject: forge.pki.CertificateField[];
  readonly issuer: forge.pki.CertificateField[];
  readonly signer: forge.pki.rsa.KeyPair;
  readonly extensions: unknown[];
}): forge.pki.Certificate {
  const made = forge.pki.createCertificate();
  made.publicKey = options.keys.publicKey;
  made.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(15))}`;
  made.validity.notBefore = new Date(Date.now() - dayMs);
  made.validity.notAfter = new Date(Date.now() + dayMs);
  made.setSubject(options.subject);
  made.setIssuer(options.issuer);
  made.setExtensions(options.extensions);
  made.sign(options.signer.privateKey, forge.md.sha256.create());
  return made;
}
