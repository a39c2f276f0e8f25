import type { KeyObject } from "node:crypto";
import type { Validity } from "../core/identity/renewal.ts";

export interface CertificateRequest {
  readonly publicKey: KeyObject;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly validity: Validity;
}

export interface IssuedCertificate {
  /** PEM: the certificate, then the intermediates up to but without the root. Valid for both ends of TLS; ends no later than its issuer. */
  readonly chain: string;
  readonly validity: Validity;
  /** PEM to send after the chain to those who may know an older root only: newer roots, each signed by the one before. */
  readonly bridges?: string;
}

/** Issues the certificates of one cluster's workloads. Private keys stay with those who ask. */
export interface CertificateAuthority {
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
  /** PEM of every root to trust at present; two while one replaces the other. */
  roots(): Promise<string>;
}
