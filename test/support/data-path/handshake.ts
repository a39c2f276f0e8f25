import { once } from "node:events";
import { connect } from "node:tls";
import { exportKey, makeKeyPair } from "../../../gateway/identity/authority-certificates.ts";
import { createMemoryAuthorityStore } from "../../../gateway/identity/authority-fixture.ts";
import { createBuiltInAuthority } from "../../../gateway/identity/certificate-authority.ts";
import { createAuthorityStore } from "../../../gateway/identity/kubernetes-identity.ts";
import type { KubernetesClient } from "../../../gateway/kubernetes/client.ts";
import { validityFrom } from "../../../shared/core/identity/renewal.ts";
import { systemClock } from "../../../shared/shell/system-clock.ts";

/** Makes certificates for accounts, `namespace/name`, as the gateway does. */
export interface Forger {
  certificate(account: string): Promise<{ readonly key: string; readonly cert: string }>;
  /** PEM of the root. */
  root(): Promise<string>;
}

/** With the mesh's own authority, or (without a client) with one that nobody trusts. */
export async function createForger(client?: KubernetesClient): Promise<Forger> {
  const store = client === undefined ? createMemoryAuthorityStore() : createAuthorityStore(client, "weft-system");
  const authority = await createBuiltInAuthority({ clusterName: "local", store, clock: systemClock });
  return {
    async certificate(account) {
      const [namespace, name] = account.split("/");
      const { publicKey, privateKey } = makeKeyPair();
      const { chain } = await authority.issue({
        publicKey,
        uris: [`spiffe://cluster.local/ns/${namespace}/sa/${name}`],
        dnsNames: [`${name}.${namespace}.cluster.local`],
        validity: validityFrom(Date.now(), 3_600_000),
      });
      return { key: exportKey(privateKey), cert: chain };
    },
    root: () => authority.roots(),
  };
}

export interface Handshake {
  /** Is the server's certificate of the given root? */
  readonly authorized: boolean;
  /** In the server's certificate, as node:tls writes them. */
  readonly names: string;
  /** What came after a request was sent: the first bytes, or an error's code. */
  readonly answer: string;
}

/** Speaks TLS, then HTTP/1.1, to a port of a pod, from outside the mesh. */
export async function shakeHands(options: {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly root: string;
  readonly client?: { readonly key: string; readonly cert: string };
  /** ALPN; the mesh's own mark unless told otherwise. */
  readonly protocols?: readonly string[];
}): Promise<Handshake> {
  const { host, port, root, client, protocols = ["osm"] } = options;
  const seen = { authorized: false, names: "", answer: "" };
  const socket = connect({
    host,
    port,
    ca: root,
    ...client,
    servername: "any.name",
    ALPNProtocols: [...protocols],
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    seen.answer ||= error.code ?? error.message;
  });
  socket.on("data", (bytes) => {
    seen.answer ||= bytes.toString();
    socket.destroy();
  });
  socket.on("secureConnect", () => {
    seen.authorized = socket.authorized;
    seen.names = socket.getPeerCertificate().subjectaltname ?? "";
    socket.write("GET / HTTP/1.1\r\nhost: server\r\n\r\n");
  });
  socket.setTimeout(10_000, () => socket.destroy());
  await once(socket, "close").catch(() => undefined);
  return seen;
}
