/** Where a request points to below /api and /apis. */

export interface ApiPath {
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Parses "/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUBRESOURCE"; undefined for paths of another form. */
export function parseApiPath(pathname: string): ApiPath | undefined {
  const parts = pathname
    .split("/")
    .filter((part) => part !== "")
    .map(decodeURIComponent);
  const isCore = parts[0] === "api";
  if (!isCore && parts[0] !== "apis") return undefined;
  const group = isCore ? "" : parts[1];
  const version = isCore ? parts[1] : parts[2];
  const rest = parts.slice(isCore ? 2 : 3);
  if (group === undefined || version === undefined) return undefined;
  const [first, second, third, ...more] = rest;
  if (first === undefined) return undefined;
  // A namespace is both an object and a place: a third part that is no subresource of it names a kind inside.
  const inside = first === "namespaces" && third !== undefined && !["status", "finalize"].includes(third);
  if (inside) {
    const [name, subresource, ...excess] = more;
    if (excess.length > 0) return undefined;
    return { group, version, namespace: second, plural: third, name, subresource };
  }
  if (more.length > 0) return undefined;
  return { group, version, namespace: undefined, plural: first, name: second, subresource: third };
}
