/** A TLS server that takes sidecars' xDS streams, notes who came with which token, and says nothing. */

import { once } from "node:events";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { createAuthority, createServerCertificate } from "../../local/kubernetes/certificates.ts";

export interface SeenStream {
  readonly path: string;
  readonly authorization: string;
  /** Source address of the connection. */
  readonly from: string;
}

export interface XdsListener extends AsyncDisposable {
  readonly port: number;
  readonly rootCertificatesPem: string;
  readonly seen: readonly SeenStream[];
  /** Closes all connections, so that sidecars come again. */
  readonly disconnectAll: () => void;
}

export async function startXdsListener(address: string, serverName: string): Promise<XdsListener> {
  const authority = createAuthority();
  const { key, certificate } = createServerCertificate(authority, [serverName]);
  const server = createSecureServer({ key, cert: certificate });
  const sessions = new Set<ServerHttp2Session>();
  const seen: SeenStream[] = [];
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    // A sidecar that is killed resets its connection.
    session.on("error", () => session.destroy());
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => stream.destroy());
    const from = stream.session?.socket.remoteAddress ?? "";
    seen.push({ path: headers[":path"] ?? "", authorization: headers.authorization ?? "", from });
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
  });
  server.listen(0, address);
  await once(server, "listening");
  const disconnectAll = (): void => {
    for (const session of sessions) session.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    rootCertificatesPem: authority.certificate,
    seen,
    disconnectAll,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      disconnectAll();
      await closed;
    },
  };
}
