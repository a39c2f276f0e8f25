import { workloadNames } from "../../shared/core/identity/names.ts";
import { renewalTime, type Validity, validityFrom } from "../../shared/core/identity/renewal.ts";
import type { AccountKey } from "../../shared/core/mesh/mesh.ts";
import type { CertificateAuthority } from "../../shared/ports/certificate-authority.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { exportKey, makeKeyPair } from "./authority-certificates.ts";

/** What one service account proves itself with. The key exists here and in the proxies of the account, nowhere else. */
export interface WorkloadCertificate {
  readonly account: AccountKey;
  /** PEM: leaf first, then the intermediates. */
  readonly chain: string;
  /** PEM (PKCS #8). */
  readonly key: string;
  readonly validity: Validity;
}

export interface WorkloadCertificatesOptions {
  readonly authority: CertificateAuthority;
  readonly trustDomain: string;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** At most 24 h, in milliseconds. */
  readonly lifetimeMs?: number;
  /** How often to look which are due, in milliseconds. Looking again and again also notices that the machine slept or the clock jumped. */
  readonly checkEveryMs?: number;
  /** A renewal that failed; the certificate stays and the next check tries again. */
  readonly onFault: (error: unknown) => void;
}

export interface WorkloadCertificates extends Disposable {
  /** The certificate of the account, made when there is none that is valid. Rejects when the authority does. */
  get(account: AccountKey): Promise<WorkloadCertificate>;
  /** The certificate that was last made, if any. */
  peek(account: AccountKey): WorkloadCertificate | undefined;
  /** No proxy of the account is left: its certificate is dropped. */
  forget(account: AccountKey): void;
  onRenewed(listener: (certificate: WorkloadCertificate) => void): Disposable;
}

interface Kept {
  readonly certificate: WorkloadCertificate;
  readonly renewAt: number;
}

const longestLifetime = 24 * 60 * 60_000;

/** Keeps one certificate a service account, however many pods run as it, and renews it in time (design.md §6.4). */
export function startWorkloadCertificates(options: WorkloadCertificatesOptions): WorkloadCertificates {
  const { clock } = options;
  const every = options.checkEveryMs ?? 60_000;
  const kept = new Map<AccountKey, Kept>();
  const underway = new Map<AccountKey, Promise<WorkloadCertificate>>();
  const listeners = new Set<(certificate: WorkloadCertificate) => void>();

  const wanted = new Set<AccountKey>();

  const make = (account: AccountKey): Promise<WorkloadCertificate> => {
    const before = underway.get(account);
    if (before !== undefined) return before;
    const made = issue(options, account)
      .then((certificate) => {
        const renewAt = renewalTime(certificate.validity, options.random());
        if (wanted.has(account)) kept.set(account, { certificate, renewAt });
        return certificate;
      })
      .finally(() => underway.delete(account));
    underway.set(account, made);
    return made;
  };
  const renew = async (account: AccountKey): Promise<void> => {
    try {
      const certificate = await make(account);
      if (!wanted.has(account)) return;
      for (const listener of listeners) listener(certificate);
    } catch (error) {
      options.onFault(error);
    }
  };
  const check = (): void => {
    for (const [account, { renewAt }] of kept) if (clock.now() >= renewAt) void renew(account);
    timer = clock.after(every, check);
  };
  let timer = clock.after(every, check);
  return {
    async get(account) {
      wanted.add(account);
      const certificate = kept.get(account)?.certificate;
      return certificate !== undefined && certificate.validity.notAfter > clock.now() ? certificate : make(account);
    },
    peek: (account) => kept.get(account)?.certificate,
    forget(account) {
      wanted.delete(account);
      kept.delete(account);
    },
    onRenewed(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}

async function issue(options: WorkloadCertificatesOptions, account: AccountKey): Promise<WorkloadCertificate> {
  const names = workloadNames(account, options.trustDomain);
  const { publicKey, privateKey } = makeKeyPair();
  const lifetime = Math.min(options.lifetimeMs ?? longestLifetime, longestLifetime);
  const { chain, validity } = await options.authority.issue({
    publicKey,
    uris: [names.spiffeId],
    dnsNames: [names.dnsName],
    validity: validityFrom(options.clock.now(), lifetime),
  });
  return { account, chain, key: exportKey(privateKey), validity };
}
