import type { ProxyAuthenticator, ProxyReports, ViewListener, ViewSource } from "../../../gateway/xds/ports.ts";
import { startXdsServer, type XdsServerCertificate } from "../../../gateway/xds/server.ts";
import type { View } from "../../../shared/core/stream/view.ts";
import { absentResource } from "../../../shared/core/xds/absent.ts";
import { systemClock } from "../../../shared/shell/system-clock.ts";
import { createFleetView } from "./fleet-view.ts";
import { selfSigned } from "./self-signed.ts";

/** The gateway's streams with a view that is the same for every proxy, and with everybody let in. */
export interface FleetServer extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
  /** Proxies whose first message was taken. */
  readonly streams: number;
  readonly generation: number;
  /** Changes so many clusters and writes that to every stream. Returns the view's generation. */
  push(clusters: number): number;
}

export interface FleetServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tlsPort: number;
  /** Clusters of about 500 bytes that everybody gets. */
  readonly services: number;
  readonly onFault: (error: unknown) => void;
}

export async function startFleetServer({ services, onFault, ...listen }: FleetServerOptions): Promise<FleetServer> {
  const fleet = createFleetView(services);
  const views = createSharedView(fleet.current);
  const counted = countingReports();
  const life = new AsyncDisposableStack();
  const start = (port: number, tls: XdsServerCertificate | undefined) =>
    startXdsServer({
      host: listen.host,
      port,
      tls,
      authenticator: everybody(),
      views,
      reports: counted.reports,
      absent: absentResource,
      clock: systemClock,
      random: Math.random,
      onFault,
    });
  const plain = life.use(await start(listen.port, undefined));
  const secure = life.use(await start(listen.tlsPort, await selfSigned(onFault)));
  return {
    port: plain.port,
    tlsPort: secure.port,
    get streams() {
      return counted.streams();
    },
    get generation() {
      return fleet.current.generation;
    },
    push(clusters) {
      views.publish(fleet.change(clusters));
      return fleet.current.generation;
    },
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  };
}

/** Each stream is a proxy of its own. */
function everybody(): ProxyAuthenticator {
  let count = 0;
  return {
    authenticate() {
      const pod = `p${++count}`;
      return Promise.resolve({ proxy: `bench/${pod}`, namespace: "bench", pod, podUid: pod, serviceAccount: "bench" });
    },
  };
}

function createSharedView(first: View): ViewSource & { readonly publish: (view: View) => void } {
  const listeners = new Set<ViewListener>();
  let current = first;
  return {
    follow(_proxy, listener) {
      listeners.add(listener);
      listener.view(current);
      return { settled: () => undefined, [Symbol.dispose]: () => listeners.delete(listener) };
    },
    publish(view) {
      current = view;
      for (const listener of listeners) listener.view(view);
    },
  };
}

function countingReports(): { readonly reports: ProxyReports; readonly streams: () => number } {
  let streams = 0;
  const reports: ProxyReports = {
    connected: () => {
      streams += 1;
    },
    disconnected: () => {
      streams -= 1;
    },
    settled: () => undefined,
    acknowledged: () => undefined,
    refused: () => undefined,
  };
  return { reports, streams: () => streams };
}
