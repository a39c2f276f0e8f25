import { any, encode, milliseconds } from "../../../shared/core/xds/encode.ts";
import {
  Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from "../../../shared/core/xds/gen/envoy/config/cluster/v3/cluster.ts";
import { HttpProtocolOptions } from "../../../shared/core/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import { promptAds } from "../../../shared/core/xds/sources.ts";
import { upstreamTls } from "../../../shared/core/xds/tls.ts";

const settings = {
  minimum: "TLSv1_2",
  maximum: "TLSv1_3",
  cipherSuites: [],
  ecdhCurves: [],
} as const;

export function clusterName(index: number): string {
  return `shop/service-${String(index).padStart(5, "0")}/80`;
}

/**
 * A cluster as a mesh has them, about 500 bytes: endpoints by ADS, mutual TLS with secrets by SDS, circuit breakers, outlier detection. Every edition
 * has the same size and other bytes.
 */
export function encodeCluster(name: string, edition: number): Uint8Array {
  return encode(Cluster, {
    name,
    clusterDiscoveryType: { $case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: promptAds, serviceName: name },
    // Between one and two seconds: nanoseconds and seconds keep their length.
    connectTimeout: { seconds: 1, nanos: 300_000_000 + (edition % 600_000_000) },
    lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: 1024,
          maxPendingRequests: 1024,
          maxRequests: 1024,
          maxRetries: 3,
        },
      ],
    },
    outlierDetection: {
      consecutive5xx: 5,
      interval: milliseconds(10_000),
      baseEjectionTime: milliseconds(30_000),
      maxEjectionPercent: 50,
    },
    commonLbConfig: { healthyPanicThreshold: { value: 1 } },
    transportSocket: upstreamTls({ settings, trust: name, serverName: "service.shop.svc.cluster.local" }),
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(HttpProtocolOptions, {
        upstreamProtocolOptions: {
          $case: "useDownstreamProtocolConfig",
          value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
        },
      }),
    },
  });
}
