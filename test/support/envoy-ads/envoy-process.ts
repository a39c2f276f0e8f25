import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A real Envoy, fed over delta ADS by whoever the bootstrap names. */
export interface EnvoyProcess extends AsyncDisposable {
  /** `GET` on the admin interface. Throws while it does not answer. */
  admin(path: string): Promise<string>;
  /** What it wrote to its log so far. */
  readonly log: string;
  /** undefined while it runs. */
  readonly exit: string | undefined;
}

/**
 * As root in a network namespace of its own, so that its ports meet nobody's: its servers and its admin interface must be Unix sockets, which are files
 * and pass through.
 */
export async function startEnvoy(options: {
  readonly binary: string;
  readonly bootstrap: (adminSocketPath: string) => string;
}): Promise<EnvoyProcess> {
  const folder = await mkdtemp(join(tmpdir(), "weft-envoy-"));
  const adminSocket = join(folder, "admin.sock");
  const config = join(folder, "bootstrap.json");
  await writeFile(config, options.bootstrap(adminSocket));
  const envoy = [
    options.binary,
    "-c",
    config,
    "--concurrency",
    "1",
    "--disable-hot-restart",
    "--drain-time-s",
    "1",
    "-l",
    "warning",
  ];
  const isRoot = process.getuid?.() === 0;
  const [program = "", ...args] = isRoot
    ? ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "envoy", ...envoy]
    : envoy;
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  const state = watch(child);
  return {
    admin: (path) => get(adminSocket, path),
    get log() {
      return state.log;
    },
    get exit() {
      return state.exit;
    },
    [Symbol.asyncDispose]: async () => {
      if (state.exit === undefined) {
        child.kill("SIGKILL");
        await once(child, "close");
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function watch(child: ChildProcess): { log: string; exit: string | undefined } {
  const state: { log: string; exit: string | undefined } = { log: "", exit: undefined };
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    state.log = (state.log + text).slice(-100_000);
  });
  child.once("error", (error) => {
    state.exit = error.message;
  });
  child.once("close", (code, signal) => {
    state.exit ??= `ended with ${signal ?? code}`;
  });
  return state;
}

function get(socketPath: string, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = request({ socketPath, path, agent: false, signal: AbortSignal.timeout(5000) }, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      body += text;
    });
    response.once("end", () => resolve(body));
    response.once("error", reject);
  });
  call.once("error", reject);
  call.end();
  return promise;
}
