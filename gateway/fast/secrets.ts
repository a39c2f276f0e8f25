import type { AccountKey } from "../../shared/core/mesh/mesh.ts";
import type { TrustSet } from "../../shared/core/xds/fast-sets.ts";

/** Where views get their secrets from: encoded Secret messages. Private keys are in them and go nowhere but to their proxy. */
export interface ProxySecrets {
  /** The secret `identity` of an account; undefined while it is being issued, which onChange then tells. */
  identity(account: AccountKey): Uint8Array | undefined;
  /** No proxy of the account is left. */
  release(account: AccountKey): void;
  /** A validation context: the trusted roots, and the names of the set. */
  trust(name: string, set: TrustSet): Uint8Array;
  /** The identity of one account, or the roots of all, are new. */
  onChange(listener: (change: { readonly account: AccountKey } | "roots") => void): Disposable;
}
