import type { AccountKey } from "../../shared/core/mesh/mesh.ts";
import { encodeIdentitySecret, encodeTrustSecret } from "../../shared/core/xds/secrets.ts";
import type { CertificateAuthority } from "../../shared/ports/certificate-authority.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { ProxySecrets } from "../fast/secrets.ts";
import type { WorkloadCertificates } from "./workload-certificates.ts";

export interface ProxySecretsOptions {
  readonly certificates: WorkloadCertificates;
  readonly authority: CertificateAuthority;
  readonly clock: Clock;
  /** How often to look whether the roots are still the same, in milliseconds. */
  readonly checkEveryMs?: number;
  /** PEM of other roots, from now on. */
  readonly onRoots?: (roots: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** An authority that fails is asked again after so many milliseconds. */
const retryAfterMs = 5000;

/** The secrets that views are completed with: certificates of accounts, and the roots. */
export async function startProxySecrets(options: ProxySecretsOptions): Promise<ProxySecrets & Disposable> {
  const { certificates, authority, clock, onFault } = options;
  const every = options.checkEveryMs ?? 60_000;
  const listeners = new Set<Parameters<ProxySecrets["onChange"]>[0]>();
  const tell = (change: { readonly account: AccountKey } | "roots"): void => {
    for (const listener of listeners) listener(change);
  };
  let roots = await authority.roots();
  let disposed = false;
  const checkRoots = async (): Promise<void> => {
    try {
      const newest = await authority.roots();
      if (newest !== roots && !disposed) {
        roots = newest;
        tell("roots");
        options.onRoots?.(newest);
      }
    } catch (error) {
      onFault(error);
    }
    if (!disposed) timer = clock.after(every, () => void checkRoots());
  };
  let timer = clock.after(every, () => void checkRoots());
  /** Accounts whose first certificate is being made. */
  const awaited = new Set<AccountKey>();
  const makeFirst = async (account: AccountKey): Promise<void> => {
    try {
      await certificates.get(account);
      if (awaited.delete(account) && !disposed) tell({ account });
    } catch (error) {
      onFault(error);
      clock.after(retryAfterMs, () => {
        if (awaited.has(account) && !disposed) void makeFirst(account);
      });
    }
  };
  const renewals = certificates.onRenewed(({ account }) => tell({ account }));
  return {
    identity(account) {
      const certificate = certificates.peek(account);
      if (certificate === undefined) {
        if (!awaited.has(account)) void makeFirst(account);
        awaited.add(account);
        return undefined;
      }
      return encodeIdentitySecret({ certificateChain: certificate.chain, privateKey: certificate.key });
    },
    release(account) {
      awaited.delete(account);
      certificates.forget(account);
    },
    trust: (name, set) => encodeTrustSecret(name, { roots, set }),
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    [Symbol.dispose]() {
      disposed = true;
      timer[Symbol.dispose]();
      renewals[Symbol.dispose]();
    },
  };
}
