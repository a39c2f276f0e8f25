import { EventEmitter, once } from "node:events";
import { createMemoryAuthorityStore } from "../../../gateway/identity/authority-fixture.ts";
import { createBuiltInAuthority } from "../../../gateway/identity/certificate-authority.ts";
import { gatewayNames, startServerCertificate } from "../../../gateway/identity/server-certificate.ts";
import type {
  ProxyIdentity,
  ProxyRefusal,
  ProxyReports,
  ViewListener,
  ViewSource,
} from "../../../gateway/xds/ports.ts";
import {
  defaultXdsServerSettings,
  startXdsServer,
  type XdsServer,
  type XdsServerCertificate,
  type XdsServerSettings,
} from "../../../gateway/xds/server.ts";
import type { AbsentResources } from "../../../shared/core/stream/stream.ts";
import { absentResource } from "../../../shared/core/stream/stream-fixture.ts";
import type { View } from "../../../shared/core/stream/view.ts";
import type { CertificateAuthority } from "../../../shared/ports/certificate-authority.ts";
import { systemClock } from "../../../shared/shell/system-clock.ts";
import { within } from "./within.ts";
import { connectDeltaClient, type DeltaClient } from "./xds-client.ts";

/** A report that the server made, in one line: `acknowledged cluster a@1`. */
export type ReportLine = string;

export interface XdsHarness extends AsyncDisposable {
  readonly server: XdsServer;
  readonly roots: string;
  /** From now on every proxy has this view. */
  publish(view: View): void;
  endProxies(reason: string): void;
  readonly reports: readonly ReportLine[];
  readonly authority: CertificateAuthority;
  /** Waits until such a report was made. */
  reported(line: ReportLine): Promise<void>;
  connect(token?: string): DeltaClient;
  makeCertificate(): Promise<XdsServerCertificate>;
}

export const serverName = gatewayNames[0] ?? "";

/** The real server over TLS on loopback, with views in memory. The token `good-<pod>` is of the pod `shop/<pod>`. */
export async function startXdsHarness(
  settings: Partial<XdsServerSettings> & {
    readonly absent?: AbsentResources;
    /** Who a proxy without token is. */
    readonly unnamed?: string;
  } = {},
): Promise<XdsHarness> {
  const authority = await createBuiltInAuthority({
    clusterName: "test",
    store: createMemoryAuthorityStore(),
    clock: systemClock,
  });
  const makeCertificate = async (): Promise<XdsServerCertificate> => {
    using certificate = await startServerCertificate({
      authority,
      clock: systemClock,
      random: Math.random,
      onRenewed: () => {},
      onFault: () => {},
    });
    return certificate.first;
  };
  const views = createViews();
  const { reports, lines, told } = createReports();
  const server = await startXdsServer({
    host: "127.0.0.1",
    port: 0,
    tls: await makeCertificate(),
    authenticator: {
      authenticate: (request) =>
        Promise.resolve(authenticate({ ...request, token: request.token ?? settings.unnamed })),
    },
    views,
    reports,
    absent: settings.absent ?? absentResource,
    clock: systemClock,
    random: Math.random,
    settings: { ...defaultXdsServerSettings, endDeadlineMs: 1000, ...settings },
    onFault: (error) => {
      throw error;
    },
  });
  const roots = await authority.roots();
  return {
    server,
    roots,
    publish: (view) => views.publish(view),
    endProxies: (reason) => views.end(reason),
    reports: lines,
    authority,
    async reported(line) {
      while (!lines.includes(line))
        await within(once(told, "report"), `the report "${line}", among ${lines.join("; ")}`);
    },
    connect: (token = "good-cart") => connectDeltaClient({ port: server.port, roots, token, serverName }),
    makeCertificate,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function authenticate({
  token,
  address,
}: {
  token: string | undefined;
  address: string;
}): ProxyIdentity | ProxyRefusal {
  if (address !== "127.0.0.1") return { code: "PERMISSION_DENIED", reason: `address ${address}` };
  const pod = /^good-(.*)$/.exec(token ?? "")?.[1];
  if (pod === undefined) return { code: "UNAUTHENTICATED", reason: token === undefined ? "no token" : "bad token" };
  return { proxy: `shop/${pod}`, namespace: "shop", pod, podUid: pod, serviceAccount: "cart" };
}

function createViews(): ViewSource & { publish(view: View): void; end(reason: string): void } {
  const listeners = new Set<ViewListener>();
  let current: View | undefined;
  return {
    follow(_proxy, listener) {
      listeners.add(listener);
      if (current !== undefined) listener.view(current);
      return { settled: () => undefined, [Symbol.dispose]: () => listeners.delete(listener) };
    },
    publish(view) {
      current = view;
      for (const listener of listeners) listener.view(view);
    },
    end(reason) {
      for (const listener of listeners) listener.end(reason);
    },
  };
}

function createReports(): { reports: ProxyReports; lines: string[]; told: EventEmitter } {
  const lines: string[] = [];
  const told = new EventEmitter();
  const tell = (line: string): void => {
    lines.push(line);
    told.emit("report");
  };
  return {
    lines,
    told,
    reports: {
      connected: (proxy, info) => tell(`connected ${proxy.proxy} ${info.nodeId} ${info.envoyVersion} ${info.protocol}`),
      disconnected: (proxy, reason) => tell(`disconnected ${proxy.proxy}: ${reason}`),
      settled: (_proxy, view) => tell(`settled ${view.generation}`),
      acknowledged: (_proxy, { type, names }) => tell(`acknowledged ${type} ${list(names)}`),
      refused: (_proxy, { type, names, message }) => tell(`refused ${type} ${list(names)}: ${message}`),
    },
  };
}

function list(names: readonly { readonly name: string; readonly version: string }[]): string {
  return names.map(({ name, version }) => `${name}@${version}`).join(" ");
}
