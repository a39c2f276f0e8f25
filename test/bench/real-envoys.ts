import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBootstrap, buildTokenSecret, TOKEN_FILE, TOKEN_SECRET_FILE } from "../../gateway/inject/bootstrap.ts";
import type { KubernetesClient } from "../../gateway/kubernetes/client.ts";
import { readData } from "../../gateway/kubernetes/kept-data.ts";
import { localNamespace } from "../../local/names.ts";
import { runPod } from "../feature/feature-proxy.ts";
import { startEnvoy } from "../support/envoy-ads/envoy-process.ts";
import { serviceName } from "./mesh-objects.ts";

/** Some Envoys beside the simulated proxies, each with a pod of its own: what takes config as a proxy really does. */
export interface RealEnvoys extends AsyncDisposable {
  readonly count: number;
  /** From now on: when each has got something and answered it. On the clock of `performance.now()`. */
  answered(): Promise<number>;
}

export interface RealEnvoysOptions {
  readonly client: KubernetesClient;
  readonly xdsPort: number;
  readonly binary: string;
  readonly count: number;
}

/** Without a byte, before an Envoy counts as served. Milliseconds. */
const quiet = 1_500;
const limit = 120_000;

export async function startRealEnvoys(options: RealEnvoysOptions): Promise<RealEnvoys> {
  const life = new AsyncDisposableStack();
  const wires: Wire[] = [];
  for (let index = 0; index < options.count; index++) wires.push(await startOne(options, index, life));
  for (const wire of wires) await wire.settled();
  return {
    count: options.count,
    answered: async () => Math.max(...(await Promise.all(wires.map((wire) => wire.answered())))),
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  };
}

async function startOne(options: RealEnvoysOptions, index: number, life: AsyncDisposableStack): Promise<Wire> {
  const { client, xdsPort, binary } = options;
  const name = `envoy-${index}`;
  const account = serviceName(index);
  const pod = await runPod(client, { namespace: "shop", name, account, labels: { app: account } });
  const roots = await readData(client, { kind: "ConfigMap", namespace: localNamespace, name: "weft-roots" });
  const folder = await mkdtemp(join(tmpdir(), "weft-bench-"));
  life.defer(() => rm(folder, { recursive: true, force: true }));
  const tokenDirectory = join(folder, "token");
  await mkdir(tokenDirectory);
  await writeFile(join(tokenDirectory, TOKEN_FILE), pod.token);
  await writeFile(join(tokenDirectory, TOKEN_SECRET_FILE), JSON.stringify(buildTokenSecret(tokenDirectory)));
  const socketPath = join(folder, "xds.sock");
  const wire = life.use(await startWire(socketPath, xdsPort));
  const bootstrap = (adminSocketPath: string): string =>
    JSON.stringify(
      buildBootstrap({
        nodeId: `shop/${name}`,
        nodeCluster: account,
        xdsHost: "127.0.0.1",
        xdsPort,
        xdsServerName: `weft-gateway.${localNamespace}.svc`,
        rootCertificatesPem: roots?.data["ca.crt"] ?? "",
        tokenDirectory,
        adminSocketPath,
      }),
      // The gateway's address becomes the wire's: a file passes into Envoy's network namespace, where its ports meet nobody's.
      (key, value: unknown) => (key === "address" && isSocketAddress(value) ? { pipe: { path: socketPath } } : value),
    );
  life.use(await startEnvoy({ binary, bootstrap }));
  return wire;
}

function isSocketAddress(value: unknown): boolean {
  return typeof value === "object" && value !== null && "socket_address" in value;
}

/** Between an Envoy and the gateway, where one sees that something came and that something went back. */
interface Wire extends AsyncDisposable {
  settled(): Promise<void>;
  answered(): Promise<number>;
}

async function startWire(socketPath: string, xdsPort: number): Promise<Wire> {
  const seen = { toEnvoy: 0, lastAt: performance.now() };
  const waiting = new Map<(at: number) => void, { got: boolean }>();
  const sockets = new Set<Socket>();
  const relay: Server = createServer((envoy) => {
    const gateway = dial(xdsPort, "127.0.0.1").setNoDelay(true);
    for (const [from, to] of [
      [envoy, gateway],
      [gateway, envoy],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
    envoy.on("data", (bytes) => {
      gateway.write(bytes);
      seen.lastAt = performance.now();
      for (const [resolve, state] of waiting) if (state.got && waiting.delete(resolve)) resolve(seen.lastAt);
    });
    gateway.on("data", (bytes) => {
      envoy.write(bytes);
      seen.lastAt = performance.now();
      seen.toEnvoy += bytes.length;
      for (const state of waiting.values()) state.got = true;
    });
  });
  relay.listen(socketPath);
  await once(relay, "listening");
  return {
    async settled() {
      const end = performance.now() + limit;
      while (seen.toEnvoy === 0 || performance.now() - seen.lastAt < quiet) {
        if (performance.now() > end) throw new Error("an Envoy was not served");
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    answered() {
      const { promise, resolve } = Promise.withResolvers<number>();
      waiting.set(resolve, { got: false });
      return promise;
    },
    async [Symbol.asyncDispose]() {
      relay.close();
      for (const socket of sockets) socket.destroy();
      await once(relay, "close");
    },
  };
}
