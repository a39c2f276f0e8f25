import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { Server as HttpServer } from "node:http";
import Module, { createRequire } from "node:module";
import { Server } from "node:net";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FunctionsHostError, firstLine } from "../functions-host-error.ts";
import type { CoreModule, LogCategory, LogLevel, ProgrammingModel } from "./core-api.ts";
import { createRegistry, type Registry } from "./registry.ts";

/** An app whose entry point has run, and which can be invoked. */
export interface LoadedApp extends AsyncDisposable {
  readonly registry: Registry;
  readonly model: ProgrammingModel | undefined;
  /** What the library announces, e.g. `HttpUri` or `IncludeEmptyEntriesInMessagePayload`. */
  readonly capabilities: Readonly<Record<string, string>>;
  /** The value that all invocations' hooks share. */
  readonly appHookData: Record<string, unknown>;
}

interface EntryPoints {
  readonly directory: string;
  readonly files: readonly string[];
}

/**
 * Loads an app as the platform's worker does: `main` of package.json (a file or a glob), by `require` or, for ES modules, by
 * `import`, with `@azure/functions-core` answered by the host (spec/azure.md §1.1, §1.3).
 *
 * @param path a folder with a package.json, or the entry point itself.
 * @throws {FunctionsHostError} when the entry point is missing or throws.
 */
export async function loadApp(
  path: string,
  log: (level: LogLevel, category: LogCategory, message: string) => void,
): Promise<LoadedApp> {
  const { directory, files } = findEntryPoints(resolve(path));
  const registry = createRegistry(log);
  const interception = interceptRequire(registry.core);
  try {
    for (const file of files) await loadEntryPoint(file);
    const appHookData = {};
    for (const hook of registry.hooks("appStart")) {
      await hook({ hookData: {}, appHookData, functionAppDirectory: directory });
    }
    registry.lock();
    const model = registry.programmingModel();
    const announced = await announce(model);
    return {
      registry,
      model,
      capabilities: announced.capabilities,
      appHookData,
      async [Symbol.asyncDispose]() {
        try {
          for (const hook of registry.hooks("appTerminate")) await hook({ hookData: {}, appHookData });
        } finally {
          announced.close();
          interception[Symbol.dispose]();
        }
      },
    };
  } catch (thrown) {
    interception[Symbol.dispose]();
    if (thrown instanceof FunctionsHostError) throw thrown;
    const names = files.map((file) => basename(file)).join(", ");
    throw new FunctionsHostError("app-not-loaded", `The app ${names} could not be loaded: ${firstLine(thrown)}`, {
      cause: thrown,
    });
  }
}

function findEntryPoints(path: string): EntryPoints {
  const found = existsSync(path) ? statSync(path) : undefined;
  if (found === undefined) throw new FunctionsHostError("app-not-found", `There is no app at ${path}.`);
  if (found.isFile()) return { directory: dirname(path), files: [path] };
  const main = readPackage(path)["main"];
  if (typeof main !== "string") {
    throw new FunctionsHostError("app-not-found", `${join(path, "package.json")} names no "main".`);
  }
  const files = globSync(main, { cwd: path }).map((file) => join(path, file));
  if (files.length === 0) {
    const hint = "build the app first";
    throw new FunctionsHostError(
      "app-not-found",
      `"main" of ${join(path, "package.json")} is ${main}: no such file; ${hint}.`,
    );
  }
  return { directory: path, files: files.toSorted() };
}

/** The package.json of the folder, or `{}` where there is none. */
function readPackage(directory: string): Record<string, unknown> {
  const file = join(directory, "package.json");
  if (!existsSync(file)) return {};
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
  return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
}

let loads = 0;

async function loadEntryPoint(file: string): Promise<void> {
  if (isModule(file)) {
    loads += 1;
    // A second start in one process must run the module again, hence an address of its own.
    await import(`${pathToFileURL(file).href}?start=${loads}`);
    return;
  }
  const require = createRequire(file);
  delete require.cache[file];
  require(file);
}

function isModule(file: string): boolean {
  if (file.endsWith(".mjs")) return true;
  if (file.endsWith(".cjs")) return false;
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    if (existsSync(join(directory, "package.json"))) return readPackage(directory)["type"] === "module";
    if (directory === dirname(directory)) return false;
  }
}

/** Innermost last: what `require('@azure/functions-core')` answers while several hosts live in one process. */
const served: CoreModule[] = [];
// oxlint-disable-next-line typescript/unbound-method -- only ever called with its module
const plainRequire = Module.prototype.require;

function interceptRequire(core: CoreModule): Disposable {
  served.push(core);
  Module.prototype.require = function require(this: Module, id: string): unknown {
    return id === "@azure/functions-core" ? served.at(-1) : plainRequire.call(this, id);
  };
  return {
    [Symbol.dispose]() {
      served.splice(served.indexOf(core), 1);
      if (served.length === 0) Module.prototype.require = plainRequire;
    },
  };
}

/**
 * Asks the library for its capabilities. With streaming on it opens a server of its own for that and keeps no handle to it, so
 * the host watches which one was opened: otherwise the process could never end.
 */
async function announce(
  model: ProgrammingModel | undefined,
): Promise<{ capabilities: Readonly<Record<string, string>>; close: () => void }> {
  const opened: Server[] = [];
  const onListen = (message: unknown): void => {
    const server = typeof message === "object" && message !== null && "server" in message ? message.server : undefined;
    if (server instanceof Server) opened.push(server);
  };
  subscribe("tracing:net.server.listen:asyncStart", onListen);
  try {
    const capabilities = (await model?.getCapabilities?.({})) ?? {};
    const port = capabilities["HttpUri"] === undefined ? undefined : Number(new URL(capabilities["HttpUri"]).port);
    const isProxy = (server: Server): boolean => {
      const address = server.address();
      return typeof address === "object" && address?.port === port;
    };
    const proxies = opened.filter((server) => isProxy(server));
    return {
      capabilities,
      close() {
        for (const server of proxies) {
          server.close();
          if (server instanceof HttpServer) server.closeAllConnections();
        }
      },
    };
  } finally {
    unsubscribe("tracing:net.server.listen:asyncStart", onListen);
  }
}
