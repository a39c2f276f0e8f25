import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { LogCategory, LogLevel } from "./app/core-api.ts";
import { type LoadedApp, loadApp } from "./app/load-app.ts";
import type { HostFaults } from "./faults/host-fault.ts";
import { FunctionsHostError } from "./functions-host-error.ts";
import { type HostJson, readHostJson } from "./host-json.ts";
import { type HttpServer, startHttpServer } from "./http/http-server.ts";
import { createInvoker, type Invoker } from "./invoker.ts";
import { planTriggers, type TriggerPlan } from "./triggers.ts";

export interface FunctionsHostOptions {
  /** The app: a folder whose package.json names `main`, or the bundle itself. */
  readonly app: string;
  /** Path of host.json; the one in the app's folder where missing, all defaults where there is none. */
  readonly hostJson?: string;
  /** For HTTP functions and `/admin/host/status`, on loopback; 0 or missing takes a free one. */
  readonly port?: number;
  /** Folder for checkpoints and schedules; missing keeps them in memory. */
  readonly dir?: string;
  /**
   * The app's settings. They become environment variables of this process, as on the platform; `FUNCTIONS_HOST_KEY` is the key
   * that functions of auth level `function` ask for (missing: a random one).
   */
  readonly settings: Readonly<Record<string, string>>;
  /** The partitions of every hub that this host takes; all where missing. */
  readonly partitions?: readonly string[];
  /** What befalls invocations and checkpoints on purpose. */
  readonly faults?: HostFaults;
  /** Receives one line for every log record of the app and the host. */
  readonly log?: (line: string) => void;
}

export interface FunctionsHost extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** The functions' names, in order of registration. */
  readonly functions: readonly string[];
  /** What functions of auth level `function` and `admin` want in `x-functions-key`. */
  readonly key: string;
}

/** Milliseconds for which invocations that run may go on after a stop. */
const drainTimeout = 10_000;

/**
 * Runs an Azure Functions app by the platform's rules, in this process (spec/azure.md §1, design.md §8). Event hubs, containers
 * and partitions that are not there yet are waited for; faults of the app itself end the start.
 *
 * @throws {FunctionsHostError} one line for a missing bundle, a throw at load, a duplicate name, a missing setting or a bad
 * option.
 */
export async function startFunctionsHost(options: FunctionsHostOptions): Promise<FunctionsHost> {
  const log = options.log ?? (() => undefined);
  const stopping = new AbortController();
  await using undo = new AsyncDisposableStack();
  Object.assign(process.env, options.settings);
  const hostJson = readHostJson(options.hostJson ?? join(appFolder(options.app), "host.json"));
  const app = await loadApp(options.app, (level, category, message) =>
    log(toLine({ level, category, name: "host", message })),
  );
  undo.use(app);
  const invoker = createInvoker(
    app,
    { settings: options.settings, faults: options.faults },
    (name, level, category, message) => log(toLine({ name, level, category, message })),
  );
  undo.use(invoker);
  const hostKey = options.settings["FUNCTIONS_HOST_KEY"] ?? readOrMakeKey(options.dir);
  const plan = await planTriggers({
    app,
    invoker,
    hostJson,
    settings: options.settings,
    dir: options.dir,
    partitions: options.partitions,
    faults: options.faults,
    signal: stopping.signal,
  });
  const names = [...app.registry.functions.keys()];
  if (names.length === 0)
    log(toLine({ name: "host", level: "warning", category: "system", message: "the app has no functions" }));

  const server = await serve({ options, app, hostJson, invoker, plan, names, hostKey });
  undo.use(server);
  undo.use(plan.start());
  const running = undo.move();
  return {
    url: server.url,
    functions: names,
    key: hostKey,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      const drained = running.disposeAsync();
      const { promise: timedOut, resolve } = Promise.withResolvers<"timed-out">();
      const timer = setTimeout(() => resolve("timed-out"), drainTimeout);
      const how = await Promise.race([drained, timedOut]);
      clearTimeout(timer);
      if (how === "timed-out")
        log(
          toLine({ name: "host", level: "warning", category: "system", message: "an invocation did not end in time" }),
        );
    },
  };
}

async function serve(parts: {
  options: FunctionsHostOptions;
  app: LoadedApp;
  hostJson: HostJson;
  invoker: Invoker;
  plan: TriggerPlan;
  names: readonly string[];
  hostKey: string;
}): Promise<HttpServer> {
  const { options, app, invoker, plan, names, hostKey } = parts;
  return startHttpServer({
    port: options.port ?? 0,
    functions: plan.http,
    hostKey,
    streamTo: app.capabilities["HttpUri"],
    status: () => ({ state: "Running", functions: names }),
    async invoke({ functionName, ...request }) {
      const fn = app.registry.functions.get(functionName);
      if (fn === undefined) throw new FunctionsHostError("function-invalid", `There is no function ${functionName}.`);
      return invoker.invoke({ function: fn, ...request });
    },
    log: (message) => options.log?.(toLine({ name: "host", level: "error", category: "system", message })),
  });
}

/** The folder that is the app: where a bundle is given, the nearest one above it with a package.json. */
function appFolder(app: string): string {
  const path = resolve(app);
  if (!existsSync(path) || !statSync(path).isFile()) return path;
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
  }
  return dirname(path);
}

/** The host's key: kept beside the checkpoints, so that it is the same after a restart. */
function readOrMakeKey(dir: string | undefined): string {
  const key = randomBytes(24).toString("base64url");
  if (dir === undefined) return key;
  mkdirSync(dir, { recursive: true });
  const file = join(dir, "host-key");
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  return key;
}

function toLine(record: { name: string; level: LogLevel; category: LogCategory; message: string }): string {
  return `${record.level.padEnd(11)} ${record.name}: ${record.message}`;
}
