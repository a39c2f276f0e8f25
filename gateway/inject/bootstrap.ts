/** The Envoy bootstrap of a sidecar (design.md §5 and §6; spec/envoy.md §10 and §14). Pure. */

import { isIP } from "node:net";

export interface BootstrapOptions {
  /** Who the proxy says it is; for people only, identity is the token. */
  readonly nodeId: string;
  readonly nodeCluster: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Host name (looked up again and again) or IP address of the gateway. */
  readonly xdsHost: string;
  readonly xdsPort: number;
  /** DNS name in the gateway's certificate; also sent as SNI. */
  readonly xdsServerName: string;
  /** The mesh root certificates, PEM, inline in the bootstrap. */
  readonly rootCertificatesPem: string;
  /** Directory of the projected volume that holds `token` and the file of `buildTokenSecret`. */
  readonly tokenDirectory: string;
  /** Path of the admin interface's Unix socket; only Envoy's own user may connect. */
  readonly adminSocketPath: string;
}

/** A JSON object as Envoy reads it. */
export type EnvoyConfig = Readonly<Record<string, unknown>>;

/** File names inside the projected volume. */
export const TOKEN_FILE = "token";
export const TOKEN_SECRET_FILE = "xds-token.json";

const XDS_CLUSTER = "weft-xds";
const TOKEN_SECRET = "xds_token";
const EXTENSIONS = "type.googleapis.com/envoy.extensions";
/** Above what RE2's C++ compiler makes of the largest expression that policy may hold (shared/core/policy/expression.ts). */
const MAX_PROGRAM_SIZE = 100_000;
/** What a Unix socket needs so that only its owner may connect (0600). */
const OWNER_ONLY = 0o600;

/** The whole bootstrap; write it as JSON. `drain time` is a flag of Envoy, not part of it: see `envoyArguments`. */
export function buildBootstrap(options: BootstrapOptions): EnvoyConfig {
  return {
    node: {
      id: options.nodeId,
      cluster: options.nodeCluster,
      ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    },
    admin: { address: { pipe: { path: options.adminSocketPath, mode: OWNER_ONLY } } },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: XDS_CLUSTER,
              retry_policy: { retry_back_off: { base_interval: "0.2s", max_interval: "3s" } },
            },
          },
        ],
      },
      cds_config: { ads: {}, resource_api_version: "V3" },
      lds_config: { ads: {}, resource_api_version: "V3" },
    },
    static_resources: { clusters: [xdsCluster(options)] },
    // By default Envoy refuses any expression that compiles to more than 100 instructions, `[a-z]{1,64}` for example. Ours are
    // bounded before they are sent.
    layered_runtime: {
      layers: [{ name: "weft", static_layer: { "re2.max_program_size.error_level": MAX_PROGRAM_SIZE } }],
    },
    // Nothing collects stats by push; whoever asks the admin interface gets them merged at that moment.
    stats_flush_on_admin: true,
  };
}

/** The one small file that SDS by path needs. It holds no secret itself: it names the token beside it. */
export function buildTokenSecret(tokenDirectory: string): EnvoyConfig {
  return {
    resources: [
      {
        "@type": `${EXTENSIONS}.transport_sockets.tls.v3.Secret`,
        name: TOKEN_SECRET,
        generic_secret: { secret: { filename: `${tokenDirectory}/${TOKEN_FILE}` } },
      },
    ],
  };
}

/** Envoy's flags beside the bootstrap: one worker, no hot restart, and how long a replaced chain or listener drains. */
export function envoyArguments(options: { readonly drainSeconds: number; readonly logLevel: string }): string[] {
  return [
    "--concurrency",
    "1",
    "--disable-hot-restart",
    "--drain-time-s",
    String(options.drainSeconds),
    "--log-level",
    options.logLevel,
  ];
}

function xdsCluster(options: BootstrapOptions): EnvoyConfig {
  return {
    name: XDS_CLUSTER,
    ...discovery(options.xdsHost),
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: XDS_CLUSTER,
      endpoints: [
        {
          lb_endpoints: [
            {
              endpoint: {
                address: { socket_address: { address: options.xdsHost, port_value: options.xdsPort } },
              },
            },
          ],
        },
      ],
    },
    upstream_connection_options: { tcp_keepalive: { keepalive_probes: 5, keepalive_time: 60, keepalive_interval: 5 } },
    transport_socket: { name: "envoy.transport_sockets.tls", typed_config: serverValidation(options) },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: {
          http2_protocol_options: { connection_keepalive: { interval: "30s", timeout: "5s" } },
        },
        http_filters: [tokenInjector(options.tokenDirectory), upstreamCodec()],
      },
    },
  };
}

/** A name is looked up for as long as Envoy lives, quickly after a failure; an address is taken as it is. */
function discovery(host: string): EnvoyConfig {
  if (isIP(host) !== 0) return { type: "STATIC" };
  return {
    cluster_type: {
      name: "envoy.cluster.dns",
      typed_config: {
        "@type": `${EXTENSIONS}.clusters.dns.v3.DnsCluster`,
        // One logical endpoint whose address follows the name, so that a new answer does not end open streams.
        all_addresses_in_single_endpoint: true,
        dns_lookup_family: "V4_PREFERRED",
        dns_failure_refresh_rate: { base_interval: "0.2s", max_interval: "3s" },
        typed_dns_resolver_config: {
          name: "envoy.network.dns_resolver.cares",
          typed_config: {
            "@type": `${EXTENSIONS}.network.dns_resolver.cares.v3.CaresDnsResolverConfig`,
            // The name is complete; without this each look-up would try it under every search domain first.
            dns_resolver_options: { no_default_search_domain: true },
          },
        },
      },
    },
  };
}

function serverValidation(options: BootstrapOptions): EnvoyConfig {
  return {
    "@type": `${EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext`,
    sni: options.xdsServerName,
    common_tls_context: {
      // Without this Envoy's clients stop at TLS 1.2 (spec/envoy.md §2).
      tls_params: { tls_minimum_protocol_version: "TLSv1_2", tls_maximum_protocol_version: "TLSv1_3" },
      alpn_protocols: ["h2"],
      validation_context: {
        trusted_ca: { inline_string: options.rootCertificatesPem },
        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: options.xdsServerName } }],
      },
    },
  };
}

function tokenInjector(tokenDirectory: string): EnvoyConfig {
  return {
    name: "envoy.filters.http.credential_injector",
    typed_config: {
      "@type": `${EXTENSIONS}.filters.http.credential_injector.v3.CredentialInjector`,
      overwrite: true,
      credential: {
        name: "envoy.http.injected_credentials.generic",
        typed_config: {
          "@type": `${EXTENSIONS}.http.injected_credentials.generic.v3.Generic`,
          credential: {
            name: TOKEN_SECRET,
            sds_config: {
              path_config_source: {
                path: `${tokenDirectory}/${TOKEN_SECRET_FILE}`,
                watched_directory: { path: tokenDirectory },
              },
              resource_api_version: "V3",
            },
          },
          header: "authorization",
          header_value_prefix: "Bearer ",
        },
      },
    },
  };
}

function upstreamCodec(): EnvoyConfig {
  return {
    name: "envoy.filters.http.upstream_codec",
    typed_config: { "@type": `${EXTENSIONS}.filters.http.upstream_codec.v3.UpstreamCodec` },
  };
}
