import { hash } from "node:crypto";
import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { FunctionParts } from "../ports.ts";
import { type ClusterWatch, createClusterWatch, createEventStream, type LiveDurations, liveDurations } from "./live.ts";
import { clusterPage, clusterParts } from "./pages/cluster.ts";
import { html, type Markup } from "./pages/markup.ts";
import { messagePage } from "./pages/message.ts";
import { overviewPage } from "./pages/overview.ts";
import { script } from "./pages/script.ts";
import { styles } from "./pages/styles.ts";
import { type ClusterReader, createClusterReader, readOverview } from "./read-model.ts";

export type DashboardRequest = Pick<HttpRequest, "url" | "params" | "query">;

/**
 * The dashboard's three addresses. None of them throws: with streaming on, the platform's library leaves the request of a handler that threw without an
 * answer. Who may see them is decided in front of the app (App Service authentication in Azure, loopback here), as for every page of it.
 */
export interface Dashboard {
  /** All clusters of the mesh; a mesh of one cluster leads to it. */
  overview(request: DashboardRequest): Promise<HttpResponseInit>;
  /** `{cluster}` */
  cluster(request: DashboardRequest): Promise<HttpResponseInit>;
  /** Server-sent events that keep a cluster's page up to date. */
  events(request: DashboardRequest): Promise<HttpResponseInit>;
}

interface Watched {
  readonly reader: ClusterReader;
  readonly watch: ClusterWatch;
}

/** Clusters whose state is kept in memory; those not asked for longest go first. */
const keptClusters = 16;

export function createDashboard(
  parts: Pick<FunctionParts, "documents" | "mesh" | "now" | "log">,
  durations: LiveDurations = liveDurations,
): Dashboard {
  const clusters = new Map<string, Watched>();
  const watched = (cluster: string): Watched => {
    const found = clusters.get(cluster) ?? startWatching(cluster);
    clusters.delete(cluster);
    clusters.set(cluster, found);
    const [oldest] = clusters.keys();
    if (clusters.size > keptClusters && oldest !== undefined) clusters.delete(oldest);
    return found;
  };
  const startWatching = (cluster: string): Watched => {
    const reader = createClusterReader(parts, cluster);
    return { reader, watch: createClusterWatch(reader, durations.interval) };
  };
  const guard = async (answer: () => Promise<HttpResponseInit>): Promise<HttpResponseInit> => {
    try {
      return await answer();
    } catch (error) {
      const { code, message } = MeshError.from(error);
      parts.log.warn("dashboard not shown", { code, message });
      return page(503, messagePage("The store does not answer", html`${message}. Load the page again in a moment.`));
    }
  };
  return {
    overview: (request) =>
      guard(async () => {
        const model = await readOverview(parts);
        const base = baseOf(request);
        const [only] = model.clusters;
        if (model.clusters.length !== 1 || only === undefined) return page(200, overviewPage(model, base));
        return { status: 302, headers: { location: `${base}/${only.cluster}`, "cache-control": "no-store" } };
      }),
    cluster: (request) =>
      guard(async () => {
        const { cluster = "" } = request.params;
        const reading = await watched(cluster).reader.read();
        if (reading === undefined) {
          clusters.delete(cluster);
          return page(404, messagePage("No such cluster", noSuchCluster(cluster, parts.mesh, baseOf(request))));
        }
        const links = { overview: baseOf(request), events: `${baseOf(request)}/${cluster}/events` };
        return page(200, clusterPage(reading.model, clusterParts(reading.model), links));
      }),
    async events(request) {
      const { cluster = "" } = request.params;
      const { reader, watch } = watched(cluster);
      // A store that is away is told on the stream: a browser does not come again after an answer that is none.
      const gone = await reader.read().then(
        (reading) => reading === undefined,
        () => false,
      );
      if (gone) {
        clusters.delete(cluster);
        return { status: 204 };
      }
      const have = new Set((request.query.get("have") ?? "").split(","));
      return {
        status: 200,
        headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
        body: createEventStream(watch, durations, have),
      };
    },
  };
}

function noSuchCluster(cluster: string, mesh: string, base: string): Markup {
  return html`No cluster named <code>${cluster}</code> has joined the mesh ${mesh}. <a href=${base}>All clusters of the mesh</a>`;
}

/** Path of the overview, as the reader's browser sees it. */
function baseOf({ url }: DashboardRequest): string {
  const { pathname } = new URL(url);
  const name = "/dashboard";
  return pathname.slice(0, pathname.indexOf(name) + name.length);
}

function page(status: number, body: string): HttpResponseInit {
  return { status, headers, body };
}

/** Nothing is loaded from anywhere; only our own style and script run. */
const headers = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": [
    "default-src 'none'",
    `style-src '${sourceHash(styles)}'`,
    `script-src '${sourceHash(script)}'`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

function sourceHash(text: string): string {
  return `sha256-${hash("sha256", text, "base64")}`;
}
