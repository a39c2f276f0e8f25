import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { openFolderStorage } from "./durable/folder-storage.ts";
import { type Account, createAccount, memoryStorage } from "./store/account.ts";
import { emulatorKey } from "./wire/authorization.ts";
import { createListener } from "./wire/listener.ts";
import { createServerContext, type ServerContext } from "./wire/server-context.ts";

/** How often what has expired is forgotten, ms. It is invisible from the moment it expires. */
const expiryInterval = 10_000;

/** How long requests that are under way may take when the server ends, ms. */
const closeGrace = 2_000;

/** How long an idle connection is kept, ms: longer than clients keep theirs, or they meet resets. */
const keepAlive = 120_000;

export interface CosmosOptions {
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
}

/**
 * Starts a document server that speaks the part of Cosmos DB's protocol which this system uses (see README.md of this
 * folder).
 *
 * @throws Error when the port is taken, or the folder is in use or damaged
 */
export async function startCosmos(options: CosmosOptions = {}): Promise<Cosmos> {
  const clock = Date.now;
  const folder = options.dir === undefined ? undefined : openFolderStorage({ folder: options.dir, clock });
  try {
    const account = createAccount(folder ?? memoryStorage);
    const context = createServerContext(account, clock);
    createMissing(account, context, options.databases ?? []);
    const listener = createListener(context);
    const server = options.tls === undefined ? createServer(listener) : createTlsServer({ ...options.tls }, listener);
    server.keepAliveTimeout = keepAlive;
    const host = options.host ?? "127.0.0.1";
    const port = await listen(server, host, options.port ?? 0);
    const sweep = setInterval(() => expireAll(account, clock()), expiryInterval);
    sweep.unref();
    const endpoint = `${options.tls === undefined ? "http" : "https"}://${urlHost(host)}:${port}`;
    return {
      endpoint,
      key: emulatorKey,
      connectionString: `AccountEndpoint=${endpoint}/;AccountKey=${emulatorKey};`,
      port,
      async [Symbol.asyncDispose]() {
        clearInterval(sweep);
        await close(server);
        await folder?.[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await folder?.[Symbol.asyncDispose]();
    throw error;
  }
}

function createMissing(account: Account, context: ServerContext, databases: readonly DatabaseOptions[]): void {
  for (const { id, containers } of databases) {
    const database = account.databases.get(id) ?? account.createDatabase({ id }, context.writeContext());
    for (const { partitionKey, ...container } of containers) {
      if (database.containers.has(container.id)) continue;
      account.createContainer(id, { ...container, partitionKey: { paths: [partitionKey] } }, context.writeContext());
    }
  }
}

function expireAll(account: Account, now: number): void {
  for (const database of account.databases.values()) {
    for (const container of database.containers.values()) container.data.expire(now);
  }
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
