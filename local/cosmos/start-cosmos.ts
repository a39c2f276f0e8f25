import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { startFaultControl } from "../faults/fault-control.ts";
import { createFaultInjector } from "../faults/fault-injector.ts";
import type { FaultPlan } from "../faults/fault-plan.ts";
import { type CosmosCore, type CosmosCoreOptions, createCosmosCore } from "./core/cosmos-core.ts";
import { type CosmosFault, cosmosFault } from "./core/cosmos-fault.ts";
import { openFolderStorage } from "./durable/folder-storage.ts";
import { emulatorKey } from "./wire/authorization.ts";
import { createListener } from "./wire/listener.ts";

/** How often what has expired is forgotten, ms. It is invisible from the moment it expires. */
const expiryInterval = 10_000;

/** How long requests that are under way may take when the server ends, ms. */
const closeGrace = 2_000;

/** How long an idle connection is kept, ms: longer than clients keep theirs, or they meet resets. */
const keepAlive = 120_000;

/** Limits and roles: see `CosmosCoreOptions`. */
export interface CosmosOptions
  extends Pick<CosmosCoreOptions, "requestUnits" | "partitionBytes" | "partitions" | "roles" | "history"> {
  /** 0 or none: any free port. */
  readonly port?: number;
  /** Address to listen on; 127.0.0.1 when absent. */
  readonly host?: string;
  /** Folder that keeps the data; in memory when absent. */
  readonly dir?: string;
  /** PEM texts; plain HTTP when absent. Bearer tokens need TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Databases and containers to make when they are absent. */
  readonly databases?: readonly DatabaseOptions[];
  /** What befalls requests; nothing when absent. */
  readonly faults?: FaultPlan<CosmosFault>;
  /** Port of `/faults` on loopback, 0 for any; none when absent. */
  readonly controlPort?: number;
}

export interface DatabaseOptions {
  readonly id: string;
  readonly containers: readonly {
    readonly id: string;
    /** Path, e.g. `/cluster`. */
    readonly partitionKey: string;
    /** Seconds; -1: only documents with a `ttl` expire; absent: nothing expires. */
    readonly defaultTtl?: number;
  }[];
}

/** A running Cosmos DB stand-in. */
export interface Cosmos extends AsyncDisposable {
  /** e.g. `http://127.0.0.1:8081` */
  readonly endpoint: string;
  /** The well-known key of all emulators. */
  readonly key: string;
  readonly connectionString: string;
  readonly port: number;
  /** `http://127.0.0.1:port/faults`, where there is a control port. */
  readonly faultsUrl: string | undefined;
  /** What answers, for tests that need more than the wire gives. */
  readonly core: CosmosCore;
}

/**
 * Starts a document server that speaks the part of Cosmos DB's protocol which this system uses (see README.md of this
 * folder).
 *
 * @throws Error when the port is taken, or the folder is in use or damaged
 */
export async function startCosmos(options: CosmosOptions = {}): Promise<Cosmos> {
  const clock = Date.now;
  await using life = new AsyncDisposableStack();
  const storage = options.dir === undefined ? undefined : life.use(openFolderStorage({ folder: options.dir, clock }));
  const faults = createFaultInjector(options.faults);
  const { port: _port, host = "127.0.0.1", dir: _dir, tls, databases = [], controlPort, ...limits } = options;
  const core = createCosmosCore({ ...limits, clock, faults, ...(storage === undefined ? {} : { storage }) });
  createMissing(core, databases);
  const listener = createListener(core);
  const server = tls === undefined ? createServer(listener) : createTlsServer({ ...tls }, listener);
  server.keepAliveTimeout = keepAlive;
  const port = await listen(server, host, options.port ?? 0);
  life.defer(() => close(server));
  const sweep = setInterval(() => core.expire(), expiryInterval);
  sweep.unref();
  life.defer(() => clearInterval(sweep));
  const now = (fault: CosmosFault): void => strike(core, fault);
  const control =
    controlPort === undefined
      ? undefined
      : life.use(await startFaultControl({ injector: faults, schema: cosmosFault, port: controlPort, now }));
  const endpoint = `${tls === undefined ? "http" : "https"}://${urlHost(host)}:${port}`;
  const running = life.move();
  return {
    endpoint,
    key: emulatorKey,
    connectionString: `AccountEndpoint=${endpoint}/;AccountKey=${emulatorKey};`,
    port,
    faultsUrl: control?.url,
    core,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function createMissing(core: CosmosCore, databases: readonly DatabaseOptions[]): void {
  const { account } = core;
  for (const { id, containers } of databases) {
    const database = account.databases.get(id) ?? account.createDatabase({ id }, core.writeContext());
    for (const { partitionKey, ...container } of containers) {
      if (database.containers.has(container.id)) continue;
      account.createContainer(id, { ...container, partitionKey: { paths: [partitionKey] } }, core.writeContext());
    }
  }
}

/** Does a fault at once. @throws Error for those that need a request to befall */
function strike(core: CosmosCore, { fault, milliseconds }: CosmosFault & { readonly milliseconds?: number }): void {
  if (fault !== "restore") throw new Error(`'${fault}' befalls a request: put it into a plan`);
  core.restore(core.writeContext().now - (milliseconds ?? 0));
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, host, resolve);
  await promise;
  server.off("error", reject);
  return (server.address() as AddressInfo).port;
}

/** Takes no more requests, lets those under way finish, closes every connection. */
async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  const deadline = setTimeout(() => server.closeAllConnections(), closeGrace);
  await promise;
  clearTimeout(deadline);
}

function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
