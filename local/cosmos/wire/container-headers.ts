import type { ContainerPath } from "../core/rights.ts";
import type { Container } from "../store/account.ts";
import type { RingRange } from "../store/ring.ts";

/** Headers of every answer about the items of a container: clients tell containers apart by them. */
export function containerHeaders({ data }: Container, { database, container }: ContainerPath) {
  return {
    "x-ms-alt-content-path": `dbs/${database}/colls/${container}`,
    "x-ms-content-path": data.settings.rid,
  };
}

/** Where a session stands in the ranges that a request was about. @param lsn of the answer */
export function sessionHeaders(ranges: readonly RingRange[], lsn: number) {
  const token = ranges.map(({ id }) => `${id}:-1#${lsn}`).join(",");
  return { lsn: String(lsn), ...(token === "" ? {} : { "x-ms-session-token": token }) };
}

/**
 * The newest lsn that a client's session token, `<range>:<version>#<lsn>[#<region>=<lsn>…]` with commas, has for some of
 * the ranges; undefined where it has none.
 */
export function parseSession(token: string | undefined, ranges: readonly RingRange[]): number | undefined {
  const ids = new Set(ranges.map(({ id }) => id));
  const seen = (token?.split(",") ?? [])
    .filter((part) => ids.has(part.slice(0, part.indexOf(":"))))
    .map((part) => Number(part.split("#")[1]))
    .filter((lsn) => Number.isSafeInteger(lsn));
  return seen.length === 0 ? undefined : Math.max(...seen);
}
