import { contentHash } from "../canonical.ts";
import type { AccountKey, ServiceKey } from "../mesh/mesh.ts";

/** Every resource name is made here. Names read as paths; those of Services begin with `namespace/service/port`. */

export type IpFamily = "IPv4" | "IPv6";

/** Secret: the proxy's own key and certificate. */
export const identityName = "identity";
/** Secret: any certificate of the mesh's roots. */
export const trustAnyName = "trust-any";
/** Secret: no certificate at all. */
export const trustNoneName = "trust-none";

/** Cluster that goes where the client meant to go, in plaintext. */
export const passthroughName = "passthrough";
/** Cluster without endpoints: connections to it are closed. */
export const blackholeName = "blackhole";

/** Values of `backend` in the endpoint's envoy.transport_socket_match metadata (fast-sets.ts). */
export const meshLabel = "mesh";
export const plainLabel = "plain";

export function outboundListenerName(family: IpFamily): string {
  return family === "IPv4" ? "outbound" : "outbound-ipv6";
}

export function inboundListenerName(family: IpFamily): string {
  return family === "IPv4" ? "inbound" : "inbound-ipv6";
}

/** Of a Service address, or of a pod of a headless Service. */
export function upstreamListenerName(service: ServiceKey, port: number, address: string): string {
  return `${service}/${port}/${address}`;
}

export function routeName(service: ServiceKey, port: number): string {
  return `${service}/${port}`;
}

/** Cluster of a Service port as far as these accounts are behind it; also its endpoint set and its trust set. */
export function upstreamName(service: ServiceKey, port: number, signature: AccountsSignature): string {
  return `${service}/${port}/${signature}`;
}

/** Cluster of a split TCP port, and its endpoint set. `signature` is of the accounts behind all backends. */
export function splitName(service: ServiceKey, port: number, signature: AccountsSignature): string {
  return `${service}/${port}/split/${signature}`;
}

/** Cluster that goes to the pod whose address the client dialled. */
export function headlessName(service: ServiceKey, port: number, signature: AccountsSignature): string {
  return `${service}/${port}/pod/${signature}`;
}

export function headlessSetName(service: ServiceKey, port: number): string {
  return `${service}/${port}`;
}

/** `transport_socket_matches` label of one backend of a split TCP port. */
export function backendLabel(service: ServiceKey, port: number): string {
  return `${service}/${port}`;
}

/** Cluster of the application's own port. */
export function localName(targetPort: number): string {
  return `local/${targetPort}`;
}

/** Of a name that localName() gave. */
export function isLocalName(name: string): boolean {
  return name.startsWith("local/");
}

export function inboundChainName(targetPort: number): string {
  return `inbound/${targetPort}`;
}

/** The same chain to a person, another one to Envoy. As long as the ordinary name (connection-policies.ts). */
export function renamedChainName(targetPort: number): string {
  return `inbound~${targetPort}`;
}

/** HTTP and TCP policies are different types of extension, so a port that changes its protocol must not keep the name. */
export function authorizationName(targetPort: number, filter: "http" | "tcp"): string {
  return filter === "http" ? `authz-${targetPort}` : `authz-tcp-${targetPort}`;
}

/** Secret: the clients of one server-first port. */
export function portTrustName(targetPort: number): string {
  return `trust-${targetPort}`;
}

/** Stands for a set of accounts in names: `all` (whoever is behind the port), `none`, or a hash of the set. */
export type AccountsSignature = string & { readonly __brand: "AccountsSignature" };

export const allAccounts = "all" as AccountsSignature;
export const noAccounts = "none" as AccountsSignature;

const lastSigned = { accounts: "", signature: noAccounts };

/** `accounts` sorted, without repeats. 72 bits of their hash. What is made of one port mostly asks for the same accounts again. */
export function accountsSignature(accounts: readonly AccountKey[]): AccountsSignature {
  if (accounts.length === 0) return noAccounts;
  const text = accounts.join(",");
  if (text !== lastSigned.accounts) {
    lastSigned.accounts = text;
    lastSigned.signature = contentHash(text).slice(0, 12) as AccountsSignature;
  }
  return lastSigned.signature;
}

/** The port whose connections this policy decides about when they open: of a name that authorizationName() or portTrustName() gave. */
export function connectionPolicyPort(name: string): number | undefined {
  const port = /^(?:authz-tcp|trust)-(\d+)$/.exec(name)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** Of a name that authorizationName() gave. */
export function isTcpAuthorization(name: string): boolean {
  return name.startsWith("authz-tcp-");
}
