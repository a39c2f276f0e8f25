import { randomBytes } from "node:crypto";
import { renewalTime, type Validity, validityFrom } from "../../shared/core/identity/renewal.ts";
import type { CertificateAuthority } from "../../shared/ports/certificate-authority.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { type KeyedCertificate, makeIssuing, makeRoot, toIssuer } from "./authority-certificates.ts";
import { type Roots, rotateRoots } from "./root-rotation.ts";
import { makeCertificate, readValidity } from "./x509.ts";

/** All that the built-in authority has to remember. The gateway keeps it in a Secret of its own namespace. */
export interface AuthorityMaterial extends Roots {
  readonly issuing: KeyedCertificate;
}

export interface StoredAuthority {
  readonly material: AuthorityMaterial;
  /** Asks for another root, unless it was answered before. */
  readonly request: string | undefined;
}

export interface AuthorityStore {
  load(): Promise<StoredAuthority | undefined>;
  /** Puts `next` in the place of `previous` (undefined: of nothing). False when another replica was quicker; then nothing is changed. */
  save(next: AuthorityMaterial, previous: AuthorityMaterial | undefined): Promise<boolean>;
}

export interface AuthorityOptions {
  readonly clusterName: string;
  readonly store: AuthorityStore;
  readonly clock: Clock;
  readonly rootLifetimeMs?: number;
  readonly issuingLifetimeMs?: number;
  /** How long each phase of a change of the root lasts (root-rotation.ts). */
  readonly rotationStepMs?: number;
}

const day = 24 * 60 * 60_000;
const defaultRootLifetime = 10 * 365 * day;
const defaultIssuingLifetime = 365 * day;
const defaultRotationStep = 1.1 * day;

/**
 * The built-in authority of one cluster: a root that signs nothing but the intermediate, and the intermediate that signs workloads
 * (design.md §6.5). Both come from the store, or are made and put there; replicas that start together agree on the first one.
 * Whoever asks for the roots has the store looked at: what another replica put there is taken, and a step of a rotation that is due is made.
 */
export async function createBuiltInAuthority(options: AuthorityOptions): Promise<CertificateAuthority> {
  let material = await agree(options);
  let issuer = toIssuer(material.issuing);
  const refresh = async (): Promise<void> => {
    material = await agree(options);
    issuer = toIssuer(material.issuing);
  };
  return {
    async issue(request) {
      // The intermediate is renewed at half life, by whoever needs it first.
      if (isDue(material.issuing, options.clock)) await refresh();
      const { issuing } = material;
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
      return { chain: certificate + issuing.certificate, validity, bridges: (material.bridges ?? []).join("") };
    },
    async roots() {
      await refresh();
      return [material.root.certificate, ...material.otherRoots].join("");
    },
  };
}

/** What the store has, once it is good: makes what is missing or due, and takes what another replica put there meanwhile. */
async function agree(options: AuthorityOptions): Promise<AuthorityMaterial> {
  for (;;) {
    const stored = await options.store.load();
    const next = stored === undefined ? makeMaterial(options) : nextMaterial(stored, options);
    if (next === stored?.material) return next;
    if (await options.store.save(next, stored?.material)) return next;
  }
}

function makeMaterial(options: AuthorityOptions): AuthorityMaterial {
  const { clusterName, clock, rootLifetimeMs = defaultRootLifetime } = options;
  const root = makeRoot(clusterName, validityFrom(clock.now(), rootLifetimeMs));
  return { root, otherRoots: [], issuing: issuingOf(root, options) };
}

/** One step at a time; the same when nothing is due. A new root brings its own intermediate. */
function nextMaterial({ material, request }: StoredAuthority, options: AuthorityOptions): AuthorityMaterial {
  const { clusterName, clock, rootLifetimeMs = defaultRootLifetime, rotationStepMs = defaultRotationStep } = options;
  const { issuing, ...roots } = material;
  const rotated = rotateRoots(roots, request, { clusterName, clock, rootLifetimeMs, rotationStepMs });
  if (rotated !== undefined) {
    const sameRoot = rotated.root.certificate === roots.root.certificate;
    return { ...rotated, issuing: sameRoot ? issuing : issuingOf(rotated.root, options) };
  }
  return isDue(issuing, clock) ? { ...material, issuing: issuingOf(material.root, options) } : material;
}

function issuingOf(root: KeyedCertificate, options: AuthorityOptions): KeyedCertificate {
  const validity = validityFrom(options.clock.now(), options.issuingLifetimeMs ?? defaultIssuingLifetime);
  return makeIssuing(options.clusterName, root, validity);
}

function isDue(issuing: KeyedCertificate, clock: Clock): boolean {
  return clock.now() >= renewalTime(readValidity(issuing.certificate), 0);
}
