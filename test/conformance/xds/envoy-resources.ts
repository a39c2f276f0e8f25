import type { JsonObject } from "@bufbuild/protobuf";
import { encodeMessage } from "../../../local/proxies/messages.ts";
import { contentHash } from "../../../shared/core/canonical.ts";
import type { View, ViewResource } from "../../../shared/core/stream/view.ts";
import { type EnvoyType, envoyTypes, typeUrls } from "../../../shared/core/xds/resource.ts";

/** Real, small resources for a real Envoy, written as its documentation writes them. */

export type EnvoyContent = Partial<Record<EnvoyType, Readonly<Record<string, Uint8Array>>>>;

export function envoyView(generation: number, content: EnvoyContent, proven: boolean): View {
  const resources = Object.fromEntries(
    envoyTypes.map((type): [EnvoyType, Map<string, ViewResource>] => [
      type,
      new Map(
        Object.entries(content[type] ?? {}).map(([name, body]) => [
          name,
          { name, version: contentHash(body), body, proven },
        ]),
      ),
    ]),
  ) as Record<EnvoyType, Map<string, ViewResource>>;
  return { generation, snapshotVersion: generation, resources };
}

export function clusterOf(name: string, connectSeconds: number): Uint8Array {
  return encodeResource("cluster", {
    name,
    type: "EDS",
    connect_timeout: `${connectSeconds}s`,
    // No time-out: without its assignment a changed cluster would warm for ever, and the test would see it.
    eds_cluster_config: { eds_config: { ...ads, initial_fetch_timeout: "0s" } },
    transport_socket: {
      name: "tls",
      typed_config: {
        "@type": `${extensions}.transport_sockets.tls.v3.UpstreamTlsContext`,
        common_tls_context: {
          tls_certificate_sds_secret_configs: [{ name: "identity", sds_config: ads }],
          validation_context_sds_secret_config: { name: `trust-${name}`, sds_config: ads },
        },
      },
    },
  });
}

export function assignmentOf(name: string, port: number): Uint8Array {
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  return encodeResource("endpoint", { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] });
}

/** An HTTP listener that owns no port, with its route and its policy by name. */
export function listenerOf(name: string, port: number, statPrefix: string): Uint8Array {
  return encodeResource("listener", {
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    bind_to_port: false,
    filter_chains: [
      {
        filters: [
          {
            name: "http",
            typed_config: {
              "@type": `${extensions}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: statPrefix,
              rds: { route_config_name: `route-${name}`, config_source: ads },
              http_filters: [
                {
                  name: `authz-${name}`,
                  config_discovery: {
                    config_source: ads,
                    type_urls: [rbacUrl],
                    default_config: { "@type": rbacUrl, rules: {} },
                  },
                },
                {
                  name: "router",
                  typed_config: { "@type": `${extensions}.filters.http.router.v3.Router` },
                },
              ],
            },
          },
        ],
      },
    ],
  });
}

export function routeOf(name: string, cluster: string, weight = 1): Uint8Array {
  const clusters = [{ name: cluster, weight }];
  const routes = [{ match: { prefix: "/" }, route: { weighted_clusters: { clusters } } }];
  return encodeResource("route", { name, virtual_hosts: [{ name: "all", domains: ["*"], routes }] });
}

/** A policy that lets in a path; Envoy refuses an expression that it cannot read. */
export function policyOf(name: string, path: string): Uint8Array {
  const permissions = [{ url_path: { path: { safe_regex: { regex: path } } } }];
  return encodeResource("extension", {
    name,
    typed_config: { "@type": rbacUrl, rules: { policies: { one: { permissions, principals: [{ any: true }] } } } },
  });
}

const extensions = "type.googleapis.com/envoy.extensions";
const rbacUrl = `${extensions}.filters.http.rbac.v3.RBAC`;
const ads = { ads: {}, resource_api_version: "V3" };

export function encodeResource(type: EnvoyType, content: JsonObject): Uint8Array {
  return encodeMessage(typeUrls[type], content);
}
