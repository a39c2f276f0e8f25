import { any } from "./encode.ts";
import type { AccessLog } from "./gen/envoy/config/accesslog/v3/accesslog.ts";
import {
  Config,
  Config_Histogram_Unit,
  type Config_Tag,
} from "./gen/envoy/extensions/access_loggers/stats/v3/stats.ts";

/**
 * Requests, and how long they took, by verified source, local port and outcome: `envoy_mesh_requests{src,dst,code,flags}` on the
 * proxy's stats page (envoy.md §9). Only on the inbound side, and only with values from certificates, clusters and codes: never from what a
 * client may write; and bounded, should there be more clients than anyone watches.
 */
export const requestStatistics = accessStatistics("requests");
/** The same for connections of which nothing more is known. */
export const connectionStatistics = accessStatistics("connections");

function accessStatistics(what: "requests" | "connections"): AccessLog {
  const peers: readonly Config_Tag[] = [
    { name: "src", valueFormat: "%DOWNSTREAM_PEER_URI_SAN%" },
    { name: "dst", valueFormat: "%UPSTREAM_CLUSTER%" },
  ];
  const outcome: Config_Tag =
    what === "requests"
      ? { name: "code", valueFormat: "%RESPONSE_CODE%" }
      : // Tells a denied connection from one that ended by itself.
        { name: "end", valueFormat: "%CONNECTION_TERMINATION_DETAILS%" };
  const config: Config = {
    statsScope: { prefix: "mesh", maxCounters: 10_000, maxHistograms: 1000 },
    counters: [
      {
        stat: { name: what, tags: [...peers, outcome, { name: "flags", valueFormat: "%RESPONSE_FLAGS%" }] },
        valueFixed: 1,
      },
    ],
    histograms: [
      {
        stat: { name: what === "requests" ? "request_duration" : "connection_duration", tags: peers },
        unit: Config_Histogram_Unit.Milliseconds,
        valueFormat: "%DURATION%",
      },
    ],
  };
  return { name: "envoy.access_loggers.stats", configType: { $case: "typedConfig", value: any(Config, config) } };
}
