import { once } from "node:events";
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import {
  type AbsentResources,
  defaultStreamSettings,
  type StreamProtocol,
  type StreamSettings,
} from "../../shared/core/stream/stream.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { XdsCall } from "./call.ts";
import type { Drop } from "./http2/connection-host.ts";
import { createConnections } from "./http2/connections.ts";
import { defaultHttp2Limits, type Http2Limits } from "./http2/limits.ts";
import type { ProxyAuthenticator, ProxyRefusal, ProxyReports, ViewSource } from "./ports.ts";
import { bearerToken } from "./proxy-address.ts";
import { createSharedWork } from "./shared-work.ts";
import { type StreamDriver, startStreamDriver } from "./stream-driver.ts";

/** PEM of the server's key and of its certificate, followed by the intermediates. */
export interface XdsServerCertificate {
  readonly key: string;
  readonly cert: string;
}

export interface XdsServerSettings {
  readonly stream: StreamSettings;
  /** Streams end gracefully at a random age between these, in milliseconds, so that proxies spread over replicas again. */
  readonly maxStreamAge: { readonly least: number; readonly most: number };
  /** How long disposing waits for connections to end, in milliseconds. */
  readonly endDeadlineMs: number;
  /** Connections that may wait to be accepted. A fleet that reconnects at once overflows Node's 511 (spec/xds.md §2.4). */
  readonly backlog: number;
  readonly maxNames: number;
  /** How long others wait for the proxy that gets an unproven version first, in milliseconds. */
  readonly tasterPatienceMs: number;
  /** What one peer may cost. */
  readonly limits: Http2Limits;
}

export const defaultXdsServerSettings: XdsServerSettings = {
  stream: defaultStreamSettings,
  maxStreamAge: { least: 30 * 60_000, most: 60 * 60_000 },
  endDeadlineMs: 5_000,
  backlog: 4096,
  maxNames: 50_000,
  tasterPatienceMs: 250,
  limits: defaultHttp2Limits,
};

export interface XdsServerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Undefined: plaintext, for loopback alone. */
  readonly tls: XdsServerCertificate | undefined;
  readonly authenticator: ProxyAuthenticator;
  readonly views: ViewSource;
  readonly reports: ProxyReports;
  readonly absent: AbsentResources;
  readonly clock: Clock;
  /** Between 0 and 1; spreads the ages of streams. */
  readonly random: () => number;
  readonly settings?: Partial<XdsServerSettings>;
  /** A stream that was not let in, for log and metric. */
  readonly onRefused?: (refusal: ProxyRefusal, address: string) => void;
  /** A connection that was dropped for what its peer did or did not do, for log and metric. */
  readonly onDropped?: (drop: Drop) => void;
  /** A fault of our own, which ended one stream or connection. */
  readonly onFault: (error: unknown) => void;
}

export interface XdsServer extends AsyncDisposable {
  readonly port: number;
  /** Open streams of known proxies. */
  readonly streams: number;
  /** For connections from now on; open ones keep theirs. Nothing happens without TLS. */
  replaceCertificate(tls: XdsServerCertificate): void;
}

/** Aggregated discovery, delta and state of the world, over TLS or without, on a listener and an HTTP/2 of our own (docs/adr/0017-our-own-http2-under-xds.md). */
export async function startXdsServer(options: XdsServerOptions): Promise<XdsServer> {
  const settings = { ...defaultXdsServerSettings, ...options.settings };
  const streams = createStreams(options, settings);
  const connections = createConnections({
    routes: new Map<string, (call: XdsCall) => void>([
      [`${servicePath}/StreamAggregatedResources`, (call) => void streams.serve(call, "sotw")],
      [`${servicePath}/DeltaAggregatedResources`, (call) => void streams.serve(call, "delta")],
    ]),
    limits: settings.limits,
    tls: options.tls !== undefined,
    clock: options.clock,
    onDropped: (drop) => options.onDropped?.(drop),
    onFault: options.onFault,
  });
  const { listener, replace } = createListener(options.tls, settings.limits, (socket) => connections.take(socket));
  /** All of them, also those that are still shaking hands. */
  const sockets = new Set<Socket>();
  listener.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  listener.listen({ host: options.host, port: options.port, backlog: settings.backlog });
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    get streams() {
      return streams.count();
    },
    replaceCertificate: replace,
    async [Symbol.asyncDispose]() {
      const closed = closeListener(listener);
      connections.leave();
      streams.endAll("the gateway stops");
      using _deadline = options.clock.after(settings.endDeadlineMs, () => {
        for (const socket of sockets) socket.destroy();
      });
      await closed;
      connections[Symbol.dispose]();
      streams[Symbol.dispose]();
    },
  };
}

interface Streams extends Disposable {
  count(): number;
  serve(call: XdsCall, protocol: StreamProtocol): Promise<void>;
  endAll(reason: string): void;
}

function createStreams(options: XdsServerOptions, settings: XdsServerSettings): Streams {
  /** One stream a proxy: a newer one ends the one before, whose end may not have been noticed. */
  const drivers = new Map<string, StreamDriver>();
  const shared = createSharedWork({ ...options, ...settings });
  let ending: string | undefined;
  const { least, most } = settings.maxStreamAge;
  return {
    count: () => drivers.size,
    async serve(call, protocol) {
      const proxy = await authenticate(options, call);
      if (!call.open) return;
      const refusal: ProxyRefusal | undefined =
        ending === undefined ? ("code" in proxy ? proxy : undefined) : { code: "UNAVAILABLE", reason: ending };
      if (refusal !== undefined || "code" in proxy) {
        if (refusal !== undefined) refuse(options, call, refusal);
        return;
      }
      drivers.get(proxy.proxy)?.end("replaced by a newer stream of the same proxy");
      let ended = false;
      const driver = startStreamDriver({
        ...options,
        shared,
        call,
        protocol,
        proxy,
        maxAgeMs: least + options.random() * (most - least),
        maxNames: settings.maxNames,
        onEnd: () => {
          ended = true;
          if (drivers.get(proxy.proxy)?.call === call) drivers.delete(proxy.proxy);
        },
      });
      // The view source may have ended it at once.
      if (!ended) drivers.set(proxy.proxy, driver);
    },
    endAll(reason) {
      ending = reason;
      for (const driver of drivers.values()) driver.end(reason);
    },
    [Symbol.dispose]: () => shared[Symbol.dispose](),
  };
}

async function authenticate(options: XdsServerOptions, call: XdsCall) {
  try {
    return await options.authenticator.authenticate({
      token: bearerToken(call.header("authorization")),
      address: call.address,
    });
  } catch (error) {
    options.onFault(error);
    const refusal: ProxyRefusal = { code: "UNAVAILABLE", reason: "the proxy could not be checked" };
    return refusal;
  }
}

function refuse(options: XdsServerOptions, call: XdsCall, refusal: ProxyRefusal): void {
  call.end(refusal.code, refusal.reason);
  options.onRefused?.(refusal, call.address);
}

interface Listener {
  readonly listener: NetServer | TlsServer;
  readonly replace: (tls: XdsServerCertificate) => void;
}

function createListener(
  tls: XdsServerCertificate | undefined,
  limits: Http2Limits,
  onSocket: (socket: Socket) => void,
): Listener {
  if (tls === undefined) {
    const listener = createServer({ noDelay: true }, onSocket);
    listener.maxConnections = limits.connections;
    return { listener, replace: () => {} };
  }
  const listener = createTlsServer(
    { ...tlsOptions(tls), ALPNCallback: chooseHttp2, handshakeTimeout: limits.handshake, noDelay: true },
    onSocket,
  );
  // Node tells of a handshake that failed or took too long, and leaves the socket open.
  listener.on("tlsClientError", (_, socket) => socket.destroy());
  listener.maxConnections = limits.connections;
  return { listener, replace: (next) => listener.setSecureContext(tlsOptions(next)) };
}

/** A function, since Node keeps a copy of a list with every connection, each in a pool of 64 KB that it keeps from being freed. */
function chooseHttp2({ protocols }: { readonly protocols: readonly string[] }): string | undefined {
  return protocols.includes("h2") ? "h2" : undefined;
}

function tlsOptions(tls: XdsServerCertificate) {
  return { key: tls.key, cert: tls.cert, minVersion: "TLSv1.2" as const };
}

async function closeListener(listener: NetServer | TlsServer): Promise<void> {
  await new Promise<void>((resolve) => listener.close(() => resolve()));
}

const servicePath = "/envoy.service.discovery.v3.AggregatedDiscoveryService";
