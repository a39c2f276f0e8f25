/** The IP of a peer as grpc-js names it (`10.1.0.2:4711`, `::ffff:10.1.0.2:4711`, `fd00::1:4711`). */
export function peerAddress(peer: string): string {
  const portAt = peer.lastIndexOf(":");
  return normaliseAddress(portAt < 0 ? peer : peer.slice(0, portAt));
}

/** An IPv4 address as IPv4, also when the socket was opened for both families. */
export function normaliseAddress(address: string): string {
  const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  return mapped?.[1] ?? bare.toLowerCase();
}

/** The token of `authorization: Bearer <token>`; undefined without one. */
export function bearerToken(header: string | undefined): string | undefined {
  const match = /^bearer\s+(\S+)\s*$/i.exec(header ?? "");
  return match?.[1];
}
