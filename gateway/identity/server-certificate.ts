import { renewalTime, validityFrom } from "../../shared/core/identity/renewal.ts";
import type { CertificateAuthority } from "../../shared/ports/certificate-authority.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { exportKey, makeKeyPair } from "./authority-certificates.ts";

/** Names by which proxies dial the gateway; the first is the one that their bootstrap asks for. */
export const gatewayNames: readonly string[] = [
  "weft-gateway.weft-system.svc",
  "weft-gateway.weft-system.svc.cluster.local",
];

export interface ServerCertificate {
  readonly key: string;
  /** PEM: leaf first, then the intermediates, then what leads to roots that older bootstraps know. */
  readonly cert: string;
}

export interface ServerCertificateOptions {
  readonly authority: CertificateAuthority;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly dnsNames?: readonly string[];
  /** In milliseconds. */
  readonly lifetimeMs?: number;
  readonly checkEveryMs?: number;
  /** Called with every newer certificate. */
  readonly onRenewed: (certificate: ServerCertificate) => void;
  readonly onFault: (error: unknown) => void;
}

export interface RenewedServerCertificate extends Disposable {
  readonly first: ServerCertificate;
  /** Makes another one now: the authority has other roots. */
  readonly renew: () => void;
}

/** The gateway's own certificate, renewed like those of workloads. */
export async function startServerCertificate(options: ServerCertificateOptions): Promise<RenewedServerCertificate> {
  const { clock } = options;
  const every = options.checkEveryMs ?? 60_000;
  const first = await issue(options);
  let { renewAt } = first;
  let disposed = false;
  const check = async (): Promise<void> => {
    try {
      if (clock.now() >= renewAt) {
        const next = await issue(options);
        ({ renewAt } = next);
        if (!disposed) options.onRenewed(next.certificate);
      }
    } catch (error) {
      options.onFault(error);
    }
    timer[Symbol.dispose]();
    if (!disposed) timer = clock.after(every, () => void check());
  };
  let timer = clock.after(every, () => void check());
  return {
    first: first.certificate,
    renew() {
      renewAt = Number.NEGATIVE_INFINITY;
      timer[Symbol.dispose]();
      void check();
    },
    [Symbol.dispose]() {
      disposed = true;
      timer[Symbol.dispose]();
    },
  };
}

const defaultLifetime = 24 * 60 * 60_000;

async function issue(
  options: ServerCertificateOptions,
): Promise<{ readonly certificate: ServerCertificate; readonly renewAt: number }> {
  const { publicKey, privateKey } = makeKeyPair();
  const {
    chain,
    validity,
    bridges = "",
  } = await options.authority.issue({
    publicKey,
    uris: [],
    dnsNames: options.dnsNames ?? gatewayNames,
    validity: validityFrom(options.clock.now(), options.lifetimeMs ?? defaultLifetime),
  });
  return {
    certificate: { key: exportKey(privateKey), cert: chain + bridges },
    renewAt: renewalTime(validity, options.random()),
  };
}
