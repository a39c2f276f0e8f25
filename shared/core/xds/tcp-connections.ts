import { any } from "./encode.ts";
import type { Filter } from "./gen/envoy/config/listener/v3/listener_components.ts";
import { TcpProxy } from "./gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts";
import { connectionStatistics } from "./telemetry.ts";

/** Connections to a cluster, whatever they carry. */
export function tcpProxy(statPrefix: string, cluster: string): Filter {
  return filter({ statPrefix, clusterSpecifier: { $case: "cluster", value: cluster } });
}

export function inboundTcp(cluster: string): Filter {
  return filter({
    statPrefix: cluster,
    clusterSpecifier: { $case: "cluster", value: cluster },
    accessLog: [connectionStatistics],
  });
}

function filter(config: TcpProxy): Filter {
  return {
    name: "envoy.filters.network.tcp_proxy",
    configType: { $case: "typedConfig", value: any(TcpProxy, config) },
  };
}
