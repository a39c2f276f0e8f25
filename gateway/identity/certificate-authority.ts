import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { renewalTime, type Validity, validityFrom } from "../../shared/core/identity/renewal.ts";
import type { CertificateAuthority } from "../../shared/ports/certificate-authority.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { type Issuer, makeCertificate, readSubject, readValidity } from "./x509.ts";

/** PEM of a certificate and of its key. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** All that the built-in authority has to remember. The gateway keeps it in a Secret of its own namespace. */
export interface AuthorityMaterial {
  readonly root: KeyedCertificate;
  /** Roots that are trusted besides, in PEM: the one before or the one to come. */
  readonly otherRoots: readonly string[];
  readonly issuing: KeyedCertificate;
}

export interface AuthorityStore {
  load(): Promise<AuthorityMaterial | undefined>;
  /** Puts `next` in the place of `previous` (undefined: of nothing). False when another replica was quicker; then nothing is changed. */
  save(next: AuthorityMaterial, previous: AuthorityMaterial | undefined): Promise<boolean>;
}

export interface AuthorityOptions {
  readonly clusterName: string;
  readonly store: AuthorityStore;
  readonly clock: Clock;
  readonly rootLifetimeMs?: number;
  readonly issuingLifetimeMs?: number;
}

const day = 24 * 60 * 60_000;
const defaultRootLifetime = 10 * 365 * day;
const defaultIssuingLifetime = 365 * day;

/**
 * The built-in authority of one cluster: a root that signs nothing but the intermediate, and the intermediate that signs workloads
 * (design.md §6.5). Both come from the store, or are made and put there; replicas that start together agree on the first one.
 */
export async function createBuiltInAuthority(options: AuthorityOptions): Promise<CertificateAuthority> {
  let material = await agree(options);
  let issuer = toIssuer(material.issuing);
  /** The intermediate is renewed at half life, by whoever needs it first. */
  const current = async (): Promise<AuthorityMaterial> => {
    if (!isDue(material.issuing, options.clock)) return material;
    material = await agree(options);
    issuer = toIssuer(material.issuing);
    return material;
  };
  return {
    async issue(request) {
      const { issuing } = await current();
      const end = readValidity(issuing.certificate).notAfter;
      const validity: Validity = { ...request.validity, notAfter: Math.min(request.validity.notAfter, end) };
      const certificate = makeCertificate(
        {
          serial: randomBytes(16),
          subject: request.dnsNames[0] ?? request.uris[0] ?? "workload",
          publicKey: request.publicKey,
          validity,
          use: { kind: "workload", uris: request.uris, dnsNames: request.dnsNames },
        },
        issuer,
      );
      return { chain: certificate + issuing.certificate, validity };
    },
    async roots() {
      const { root, otherRoots } = await current();
      return [root.certificate, ...otherRoots].join("");
    },
  };
}

/** A P-256 pair, as all keys of the mesh are. */
export function makeKeyPair(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** What the store has, once it is good: makes what is missing or due, and takes what another replica put there meanwhile. */
async function agree(options: AuthorityOptions): Promise<AuthorityMaterial> {
  for (;;) {
    const stored = await options.store.load();
    if (stored !== undefined && !isDue(stored.issuing, options.clock)) return stored;
    const root = stored?.root ?? makeRoot(options);
    const made = { root, otherRoots: stored?.otherRoots ?? [], issuing: makeIssuing(options, root) };
    if (await options.store.save(made, stored)) return made;
  }
}

function isDue(issuing: KeyedCertificate, clock: Clock): boolean {
  return clock.now() >= renewalTime(readValidity(issuing.certificate), 0);
}

function makeRoot(options: AuthorityOptions): KeyedCertificate {
  const { publicKey, privateKey } = makeKeyPair();
  const subject = `root of ${options.clusterName}`;
  const certificate = makeCertificate(
    {
      serial: randomBytes(16),
      subject,
      publicKey,
      validity: validityFrom(options.clock.now(), options.rootLifetimeMs ?? defaultRootLifetime),
      use: { kind: "authority", pathLength: 1 },
    },
    { subject, key: privateKey, publicKey },
  );
  return { certificate, key: exportKey(privateKey) };
}

function makeIssuing(options: AuthorityOptions, root: KeyedCertificate): KeyedCertificate {
  const { publicKey, privateKey } = makeKeyPair();
  const validity = validityFrom(options.clock.now(), options.issuingLifetimeMs ?? defaultIssuingLifetime);
  const certificate = makeCertificate(
    {
      serial: randomBytes(16),
      subject: `issuer of ${options.clusterName}`,
      publicKey,
      validity: { ...validity, notAfter: Math.min(validity.notAfter, readValidity(root.certificate).notAfter) },
      use: { kind: "authority", pathLength: 0 },
    },
    toIssuer(root),
  );
  return { certificate, key: exportKey(privateKey) };
}

function toIssuer(material: KeyedCertificate): Issuer {
  const key = createPrivateKey(material.key);
  return { subject: readSubject(material.certificate), key, publicKey: createPublicKey(key) };
}

export function exportKey(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
