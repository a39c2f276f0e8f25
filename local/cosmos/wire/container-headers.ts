import type { Container } from "../store/account.ts";

/** The only partition key range of each container. */
export const rangeId = "0";

/** Headers of every answer about the items of a container: clients read their session from them. */
export function containerHeaders(
  container: Container,
  path: { readonly database: string; readonly container: string },
) {
  const { lsn, settings } = container.data;
  return {
    lsn: String(lsn),
    "x-ms-session-token": `${rangeId}:-1#${lsn}`,
    "x-ms-alt-content-path": `dbs/${path.database}/colls/${path.container}`,
    "x-ms-content-path": settings.rid,
  };
}
