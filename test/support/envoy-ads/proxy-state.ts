import { type EnvoyType, envoyTypes } from "../../../shared/core/xds/resource.ts";
import type { EnvoyProcess } from "./envoy-process.ts";

/** What a proxy has, by its own account (`/config_dump`). */
export interface ProxyState {
  /** Names in use, sorted. */
  readonly active: Readonly<Record<EnvoyType, readonly string[]>>;
  /** `type name`: got, and waiting for something else. */
  readonly warming: readonly string[];
  /** `type name: reason` */
  readonly refused: readonly string[];
}

/** The bootstrap's own, read from a file. */
const tokenSecret = "xds_token";

interface Section {
  readonly "@type": string;
  readonly dynamic_active_clusters?: readonly Entry[];
  readonly dynamic_warming_clusters?: readonly Entry[];
  readonly dynamic_listeners?: readonly Entry[];
  readonly dynamic_route_configs?: readonly Entry[];
  readonly dynamic_active_secrets?: readonly Entry[];
  readonly dynamic_warming_secrets?: readonly Entry[];
  readonly dynamic_endpoint_configs?: readonly Entry[];
  readonly ecds_filters?: readonly Entry[];
}

interface Entry {
  readonly name?: string;
  readonly cluster?: { readonly name: string; readonly type?: string };
  readonly route_config?: { readonly name: string };
  readonly endpoint_config?: { readonly cluster_name: string };
  readonly ecds_filter?: { readonly name: string };
  readonly active_state?: object;
  readonly warming_state?: object;
  readonly error_state?: { readonly details?: string };
}

export async function readProxyState(envoy: EnvoyProcess): Promise<ProxyState> {
  const dump = JSON.parse(await envoy.admin("/config_dump?include_eds")) as { readonly configs?: readonly Section[] };
  const sections = dump.configs ?? [];
  const entries = (pick: (section: Section) => readonly Entry[] | undefined): readonly Entry[] =>
    sections.flatMap((section) => pick(section) ?? []);
  const listeners = entries((section) => section.dynamic_listeners);
  const clusters = entries((section) => section.dynamic_active_clusters);
  const warmingClusters = entries((section) => section.dynamic_warming_clusters);
  const discovered = new Set(clusters.filter(({ cluster }) => cluster?.type === "EDS").map(nameOf));
  const active: Record<EnvoyType, string[]> = {
    cluster: clusters.map(nameOf),
    // The dump has the endpoints of static clusters too.
    endpoint: entries((section) => section.dynamic_endpoint_configs)
      .map(nameOf)
      .filter((name) => discovered.has(name)),
    secret: entries((section) => section.dynamic_active_secrets)
      .map(nameOf)
      .filter((name) => name !== tokenSecret),
    listener: listeners.filter((entry) => entry.active_state !== undefined).map(nameOf),
    route: entries((section) => section.dynamic_route_configs).map(nameOf),
    extension: entries((section) => section.ecds_filters).map(nameOf),
  };
  const warming = [
    ...warmingClusters.map((entry) => `cluster ${nameOf(entry)}`),
    ...listeners.filter((entry) => entry.warming_state !== undefined).map((entry) => `listener ${nameOf(entry)}`),
    ...entries((section) => section.dynamic_warming_secrets).map((entry) => `secret ${nameOf(entry)}`),
  ];
  const refused = envoyTypes
    .flatMap((type) => (type === "listener" ? listeners : type === "cluster" ? [...clusters, ...warmingClusters] : []))
    .flatMap((entry) => (entry.error_state === undefined ? [] : [`${nameOf(entry)}: ${entry.error_state.details}`]));
  for (const names of Object.values(active)) names.sort();
  return { active, warming: warming.sort(), refused };
}

function nameOf(entry: Entry): string {
  const name =
    entry.name ??
    entry.cluster?.name ??
    entry.route_config?.name ??
    entry.endpoint_config?.cluster_name ??
    entry.ecds_filter?.name;
  if (name === undefined) throw new Error(`an entry of the dump has no name: ${JSON.stringify(entry).slice(0, 200)}`);
  return name;
}
