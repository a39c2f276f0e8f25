import { mkdir, writeFile } from "node:fs/promises";
import { createServer, connect as dial } from "node:net";
import { dirname, join } from "node:path";
import { buildBootstrap, buildTokenSecret, TOKEN_FILE, TOKEN_SECRET_FILE } from "../../../gateway/inject/bootstrap.ts";
import { startXdsServer } from "../../../gateway/xds/server.ts";
import { contentHash } from "../../../shared/core/canonical.ts";
import { accountKey } from "../../../shared/core/mesh/mesh.ts";
import type { View } from "../../../shared/core/stream/view.ts";
import { absentResource } from "../../../shared/core/xds/absent.ts";
import { type EnvoyType, envoyTypes } from "../../../shared/core/xds/resource.ts";
import { systemClock } from "../../../shared/shell/system-clock.ts";
import type { AdsServer, Refusal } from "./ads-server.ts";
import { createTestAuthority } from "./certificates.ts";
import type { ServedView } from "./served-view.ts";

const authority = createTestAuthority("cluster.local");
const serverName = "gateway.weft.cluster.local";
const token = "the-token-of-the-pod";

/**
 * The gateway's own streams behind the same socket: TLS, the pod's token, the bootstrap of injection. Only the address differs: a file, so that
 * a proxy in any network namespace reaches it.
 */
export async function startGatewayServer(view: ServedView, socketPath: string): Promise<AdsServer> {
  const refusals: Refusal[] = [];
  const acknowledged = new Map<EnvoyType, Set<string>>(envoyTypes.map((type) => [type, new Set()]));
  const faults: unknown[] = [];
  const { certificateChain, privateKey } = authority.issue(accountKey("weft", "gateway"));
  const server = await startXdsServer({
    host: "127.0.0.1",
    port: 0,
    tls: { key: privateKey, cert: certificateChain },
    authenticator: {
      authenticate: async (request) =>
        request.token === token
          ? { proxy: "shop/pod", namespace: "shop", pod: "pod", podUid: "1", serviceAccount: "any" }
          : { code: "UNAUTHENTICATED", reason: "another token" },
    },
    views: {
      follow: (_, listener) => {
        listener.view(streamView(view));
        return { settled: () => undefined, [Symbol.dispose]: () => undefined };
      },
    },
    reports: {
      connected: () => undefined,
      disconnected: () => undefined,
      settled: () => undefined,
      acknowledged: (_, { type, names }) => {
        for (const { name } of names) acknowledged.get(type)?.add(name);
      },
      refused: (_, { type, names, message }) => {
        refusals.push({ type, names: names.map(({ name }) => name), message });
      },
    },
    absent: absentResource,
    clock: systemClock,
    random: () => 0,
    settings: { endDeadlineMs: 1000 },
    onFault: (fault) => faults.push(fault),
  });
  const relay = createServer((socket) => {
    const onward = dial(server.port, "127.0.0.1");
    socket.pipe(onward).pipe(socket);
    socket.on("error", () => onward.destroy());
    onward.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(socketPath, resolve));
  const tokenDirectory = join(dirname(socketPath), "token");
  await mkdir(tokenDirectory);
  await writeFile(join(tokenDirectory, TOKEN_FILE), token);
  await writeFile(join(tokenDirectory, TOKEN_SECRET_FILE), JSON.stringify(buildTokenSecret(tokenDirectory)));
  return {
    refusals,
    acknowledged: (type) => acknowledged.get(type) ?? new Set(),
    bootstrap: (adminSocketPath) =>
      JSON.stringify(
        buildBootstrap({
          nodeId: "test",
          nodeCluster: "test",
          xdsHost: "127.0.0.1",
          xdsPort: server.port,
          xdsServerName: serverName,
          rootCertificatesPem: authority.roots,
          tokenDirectory,
          adminSocketPath,
        }),
        // The one socket address in it is the server's.
        (key, value: unknown) => (key === "address" && isSocketAddress(value) ? { pipe: { path: socketPath } } : value),
      ),
    [Symbol.asyncDispose]: async () => {
      relay.close();
      await server[Symbol.asyncDispose]();
      if (faults.length > 0) throw new AggregateError(faults, "the gateway's streams had faults of their own");
    },
  };
}

function isSocketAddress(value: unknown): boolean {
  return typeof value === "object" && value !== null && "socket_address" in value;
}

function streamView(view: ServedView): View {
  const resources = envoyTypes.map((type) => [
    type,
    new Map(
      [...view[type]].map(([name, body]) => [name, { name, body, version: contentHash(body), proven: false }] as const),
    ),
  ]);
  return { generation: 1, snapshotVersion: 1, resources: Object.fromEntries(resources) as View["resources"] };
}
