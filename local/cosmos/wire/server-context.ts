import { randomBytes } from "node:crypto";
import type { Account } from "../store/account.ts";
import type { WriteContext } from "../store/draft.ts";

/** What every route gets. */
export interface ServerContext {
  readonly account: Account;
  /** Clock and etags for one request. */
  readonly writeContext: () => WriteContext;
}

/** @param clock ms since 1970 */
export function createServerContext(account: Account, clock: () => number): ServerContext {
  const nextEtag = createEtagSource();
  return { account, writeContext: () => ({ now: clock(), nextEtag }) };
}

/** Etags that differ from each other and from those of every other run. */
function createEtagSource(): () => string {
  const run = randomBytes(8).toString("hex");
  let number = 0;
  return () => {
    number += 1;
    return `"${run.slice(0, 8)}-${run.slice(8, 12)}-${run.slice(12)}-0000-${number.toString(16).padStart(12, "0")}"`;
  };
}
