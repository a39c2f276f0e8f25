import type { Container } from "../store/account.ts";

/** The only partition key range of each container. */
export const rangeId = "0";

/** Headers of every answer about the items of a container: clients read their session from them. */
export function containerHeaders(
  container: Container,
  path: { readonly database: string; readonly container: string },
) {
  return {
    ...sessionHeaders(container.data.lsn),
    "x-ms-alt-content-path": `dbs/${path.database}/colls/${path.container}`,
    "x-ms-content-path": container.data.settings.rid,
  };
}

/** Where a session stands. @param lsn of the answer */
export function sessionHeaders(lsn: number) {
  return { lsn: String(lsn), "x-ms-session-token": `${rangeId}:-1#${lsn}` };
}

/** The lsn in a client's session token, `<range>:<version>#<lsn>[#<region>=<lsn>…]`, several with commas; undefined without. */
export function parseSession(token: string | undefined): number | undefined {
  const ours = token?.split(",").find((part) => part.startsWith(`${rangeId}:`));
  const lsn = Number(ours?.split("#")[1]);
  return Number.isSafeInteger(lsn) ? lsn : undefined;
}
