/** The HTTPS server: who asks, what is answered, what happens to errors. */
import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Clock } from "../../../shared/ports/clock.ts";
import { ApiError, type Status, unauthorized } from "../api-error.ts";
import { authenticateToken, type User } from "../tokens/token-review.ts";
import type { World } from "../world.ts";
import type { Faults } from "./befall.ts";
import { answerError, type Call } from "./call.ts";
import { createPages } from "./read.ts";
import { isPublic, type Routes, route } from "./routes.ts";
import { createWatches, type Watches } from "./watch.ts";

export interface ServerOptions {
  readonly world: World;
  /** PEM. */
  readonly tls: { readonly key: string; readonly certificate: string };
  /** Bearer token of the administrator. */
  readonly adminToken: string;
  readonly faults: Faults;
  /** Counts the lag of watches. */
  readonly clock: Clock;
  /** "HOST:PORT", known when the server listens. */
  address(): string;
}

const admin: User = { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
const anonymous: User = { username: "system:anonymous", groups: ["system:unauthenticated"] };

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Throws Unauthorized for a token that is not known. */
function authenticate({ world, adminToken }: ServerOptions, request: IncomingMessage, pathname: string): User {
  const token = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (token === undefined) {
    if (isPublic(pathname)) return anonymous;
    throw unauthorized();
  }
  if (sameText(token, adminToken)) return admin;
  const found = authenticateToken(world, token, []);
  if ("refused" in found) throw unauthorized();
  return found.user;
}

function failure(error: unknown): Status {
  if (error instanceof ApiError) return error.status;
  const message = `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`;
  return new ApiError({ code: 500, reason: "InternalError", message, details: { causes: [{ message }] } }).status;
}

async function handle(
  options: ServerOptions,
  routes: Routes,
  exchange: [IncomingMessage, ServerResponse],
): Promise<void> {
  const [request, response] = exchange;
  const url = new URL(request.url ?? "/", "https://localhost");
  const call: Call = { request, response, url, query: url.searchParams, user: anonymous, warnings: [] };
  try {
    const user = authenticate(options, request, url.pathname);
    await route(routes, { ...call, user });
  } catch (error) {
    const status = failure(error);
    if (response.headersSent) response.destroy();
    else answerError(call, status);
  }
}

export interface HttpServer extends AsyncDisposable {
  readonly server: Server;
  readonly watches: Watches;
}

/** The server, not listening yet. Disposing ends all watches and connections. */
export function createHttpServer(options: ServerOptions): HttpServer {
  const { world, tls, faults, clock } = options;
  const watches = createWatches(world, faults.injector, clock);
  const pages = createPages();
  const server = createServer(
    { key: tls.key, cert: tls.certificate, keepAliveTimeout: 120_000 },
    (request, response) => {
      const routes = { world, faults, watches, pages, address: options.address() };
      // Errors are answered inside.
      void handle(options, routes, [request, response]);
    },
  );
  server.requestTimeout = 0;
  return {
    server,
    watches,
    async [Symbol.asyncDispose]() {
      watches[Symbol.dispose]();
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
