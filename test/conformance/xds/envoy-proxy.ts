import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBootstrap, buildTokenSecret, TOKEN_FILE, TOKEN_SECRET_FILE } from "../../../gateway/inject/bootstrap.ts";
import { within } from "./within.ts";

export interface EnvoyProxy extends AsyncDisposable {
  /** Names of all resources of a kind in its configuration, by what `config_dump` calls them. */
  configured(key: "dynamic_active_clusters" | "dynamic_listeners"): Promise<readonly string[]>;
  readonly log: () => string;
}

/** A real Envoy with the bootstrap of injection: over TLS, with the token in a file. Opens no port: its listeners must not bind. */
export async function startEnvoyProxy(options: {
  readonly binary: string;
  readonly port: number;
  readonly roots: string;
  readonly serverName: string;
  readonly token: string;
}): Promise<EnvoyProxy> {
  const folder = await mkdtemp(join(tmpdir(), "weft-xds-"));
  const adminSocketPath = join(folder, "admin.sock");
  const bootstrap = buildBootstrap({
    nodeId: "envoy",
    nodeCluster: "test",
    metadata: { pod: "cart", labels: ["a", 1, true, null] },
    xdsHost: "127.0.0.1",
    xdsPort: options.port,
    xdsServerName: options.serverName,
    rootCertificatesPem: options.roots,
    tokenDirectory: folder,
    adminSocketPath,
  });
  await writeFile(join(folder, TOKEN_FILE), options.token);
  await writeFile(join(folder, TOKEN_SECRET_FILE), JSON.stringify(buildTokenSecret(folder)));
  await writeFile(join(folder, "bootstrap.json"), JSON.stringify(bootstrap));
  const flags = ["--concurrency", "1", "--disable-hot-restart", "--drain-time-s", "1", "-l", "warning"];
  const child: ChildProcess = spawn(options.binary, ["-c", join(folder, "bootstrap.json"), ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-20_000);
  });
  const closed = once(child, "close");
  return {
    log: () => log,
    async configured(key) {
      const dump = JSON.parse(await get(adminSocketPath, `/config_dump?resource=${key}`)) as {
        readonly configs?: readonly { readonly name?: string; readonly cluster?: { readonly name?: string } }[];
      };
      return (dump.configs ?? []).map(({ name, cluster }) => name ?? cluster?.name ?? "");
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await within(closed, "the end of Envoy");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function get(socketPath: string, path: string): Promise<string> {
  const call = request({ socketPath, path, agent: false, signal: AbortSignal.timeout(10_000) });
  call.end();
  const [response] = await once(call, "response");
  let body = "";
  for await (const part of response) body += part;
  return body;
}
