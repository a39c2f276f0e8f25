import type { CosmosCore } from "../core/cosmos-core.ts";
import type { Answer, Caller } from "../core/gate.ts";
import type { Container } from "../store/account.ts";
import { CosmosError } from "../store/cosmos-error.ts";
import type { Scope } from "../store/partition.ts";
import type { RingRange } from "../store/ring.ts";
import { sessionHeaders } from "./container-headers.ts";
import type { WireReply } from "./exchange.ts";
import { toRefusal } from "./refusal.ts";

/** What a request about items is for, and who asks. */
export interface ItemTarget {
  readonly core: CosmosCore;
  readonly caller: Caller;
  readonly container: Container;
  readonly scope: Scope;
  /** The ranges that the scope touches. */
  readonly ranges: readonly RingRange[];
}

/** Writes an answer of the core as a reply: charge and session are those of the answer, also when it is a refusal. */
export function toReply<Result>(
  { ranges }: ItemTarget,
  { result, charge, lsn }: Answer<Result>,
  write: (result: Result) => WireReply,
): WireReply {
  const reply = result instanceof CosmosError ? toRefusal(result) : write(result);
  const headers = { "x-ms-request-charge": String(Math.round(charge * 100) / 100), ...sessionHeaders(ranges, lsn) };
  return { ...reply, headers: { ...reply.headers, ...headers } };
}
