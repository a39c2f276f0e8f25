import type { AccountKey } from "../../shared/core/mesh/mesh.ts";
import type { ViewResource } from "../../shared/core/stream/view.ts";
import { identityName } from "../../shared/core/xds/names.ts";
import type { ClassGroup } from "./class-group.ts";
import { validated } from "./fast-resources.ts";
import type { ProxySecrets } from "./secrets.ts";

/** Accounts that proxies here are of: the classes of each, and its certificate as views hold it. */
export interface Identities {
  join(group: ClassGroup): void;
  /** With the last class its account gives its certificate away. */
  leave(group: ClassGroup): void;
  /** Undefined while it is being issued. */
  of(account: AccountKey): ViewResource | undefined;
  /** There is another certificate; returns the classes of the account. */
  renewed(account: AccountKey): Iterable<ClassGroup>;
}

interface Account {
  readonly groups: Set<ClassGroup>;
  identity: ViewResource | undefined;
}

export function createIdentities(secrets: ProxySecrets): Identities {
  const accounts = new Map<AccountKey, Account>();
  return {
    join(group) {
      const account = accounts.get(group.account) ?? { groups: new Set(), identity: undefined };
      accounts.set(group.account, account);
      account.groups.add(group);
    },
    leave(group) {
      const account = accounts.get(group.account);
      account?.groups.delete(group);
      if (account?.groups.size !== 0) return;
      accounts.delete(group.account);
      secrets.release(group.account);
    },
    of(key) {
      const account = accounts.get(key);
      if (account?.identity !== undefined) return account.identity;
      const secret = secrets.identity(key);
      const identity = secret && validated(identityName, secret);
      if (account !== undefined) account.identity = identity;
      return identity;
    },
    renewed(key) {
      const account = accounts.get(key);
      if (account === undefined) return [];
      account.identity = undefined;
      return account.groups;
    },
  };
}
