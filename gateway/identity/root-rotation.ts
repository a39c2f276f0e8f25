import { randomBytes } from "node:crypto";
import { renewalTime, validityFrom } from "../../shared/core/identity/renewal.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { type KeyedCertificate, makeRoot, toIssuer } from "./authority-certificates.ts";
import { makeCertificate, readSubject, readValidity } from "./x509.ts";

/** Where a change of the root stands. */
export interface RootRotation {
  /** `introducing`: the next root is trusted and signs nothing yet. `retiring`: the one before is still trusted and signs nothing any more. */
  readonly phase: "introducing" | "retiring";
  /** Milliseconds since 1970. */
  readonly since: number;
  /** The root to come; only while it is introduced. */
  readonly next?: KeyedCertificate;
}

/** What an authority trusts and signs with, as far as a rotation changes it. */
export interface Roots {
  readonly root: KeyedCertificate;
  /** Roots that are trusted besides, in PEM: the one before or the one to come. */
  readonly otherRoots: readonly string[];
  readonly rotation?: RootRotation;
  /** The request that was answered last. */
  readonly rotated?: string;
  /** Newer roots signed by the ones before them, in PEM, newest first: for proxies whose bootstrap knows an older root only. */
  readonly bridges?: readonly string[];
}

export interface RotationOptions {
  readonly clusterName: string;
  readonly clock: Clock;
  readonly rootLifetimeMs: number;
  /**
   * How long each phase lasts, in milliseconds: longer than a workload certificate. Who did not hear of the next root in that time has no certificate any
   * more, and at its end no certificate of the root before is left.
   */
  readonly rotationStepMs: number;
}

/** Rotations that one bootstrap outlives; the path length of roots allows as many. */
const mostBridges = 3;

/** The next step of a rotation that is due; undefined when none is. `request` asks for a rotation unless it was answered; an old root asks by itself. */
export function rotateRoots(roots: Roots, request: string | undefined, options: RotationOptions): Roots | undefined {
  const now = options.clock.now();
  const { rotation } = roots;
  if (rotation === undefined) return isAsked(roots, request, now) ? introduce(roots, request, options) : undefined;
  if (now < rotation.since + options.rotationStepMs) return undefined;
  return rotation.next === undefined ? finish(roots) : retire(roots, rotation.next, now);
}

function isAsked({ root, rotated }: Roots, request: string | undefined, now: number): boolean {
  return (request !== undefined && request !== rotated) || now >= renewalTime(readValidity(root.certificate), 0);
}

function introduce(roots: Roots, request: string | undefined, options: RotationOptions): Roots {
  const next = makeRoot(options.clusterName, validityFrom(options.clock.now(), options.rootLifetimeMs));
  return {
    ...roots,
    otherRoots: [next.certificate],
    rotation: { phase: "introducing", since: options.clock.now(), next },
    ...(request !== undefined && { rotated: request }),
  };
}

function retire(roots: Roots, next: KeyedCertificate, now: number): Roots {
  const bridges = [bridge(next, roots.root), ...(roots.bridges ?? [])].filter(
    (certificate) => readValidity(certificate).notAfter > now,
  );
  return {
    ...roots,
    root: next,
    otherRoots: [roots.root.certificate],
    rotation: { phase: "retiring", since: now },
    bridges: bridges.slice(0, mostBridges),
  };
}

function finish(roots: Roots): Roots {
  const { rotation, ...rest } = roots;
  void rotation;
  return { ...rest, otherRoots: [] };
}

/** The next root, vouched for by the one before. */
function bridge(next: KeyedCertificate, before: KeyedCertificate): string {
  return makeCertificate(
    {
      serial: randomBytes(16),
      subject: readSubject(next.certificate),
      publicKey: toIssuer(next).publicKey,
      validity: readValidity(before.certificate),
      use: { kind: "authority", pathLength: mostBridges },
    },
    toIssuer(before),
  );
}
