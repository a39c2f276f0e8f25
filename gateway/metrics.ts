import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** Every metric of the gateway, in one place. Labels have few values; names of proxies and objects go to the log. */
export interface GatewayMetrics {
  readonly text: () => Promise<string>;
  readonly eventsPublished: (count: number) => void;
  readonly lists: (kind: "asserted" | "whole") => void;
  readonly snapshotFollowed: (version: number) => void;
  readonly fault: (where: string) => void;
  readonly streamRefused: (code: string) => void;
  readonly connectionDropped: (reason: string) => void;
  readonly resourceRefused: (type: string) => void;
}

/** What is read when somebody asks for the metrics. */
interface GatewayState {
  readonly proxies: () => number;
  readonly lastContact: () => number;
  readonly stale: () => boolean;
  readonly autonomous: () => boolean;
  readonly wentBack: () => boolean;
  readonly held: () => boolean;
}

export function createMetrics(state: GatewayState): GatewayMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const published = new Counter({
    name: "weft_events_published_total",
    help: "Events sent to the mesh-events hub.",
    registers,
  });
  const lists = new Counter({
    name: "weft_lists_total",
    help: "Lists published, whole or by asserting the state hash.",
    labelNames: ["kind"],
    registers,
  });
  const version = new Gauge({ name: "weft_snapshot_version", help: "Version of the snapshot in force.", registers });
  const faults = new Counter({
    name: "weft_faults_total",
    help: "Faults, by where they were met.",
    labelNames: ["where"],
    registers,
  });
  const refusedStreams = new Counter({
    name: "weft_xds_streams_refused_total",
    help: "xDS streams that were not let in.",
    labelNames: ["code"],
    registers,
  });
  const droppedConnections = new Counter({
    name: "weft_xds_connections_dropped_total",
    help: "xDS connections that were dropped for what their peer did, or did not do.",
    labelNames: ["reason"],
    registers,
  });
  const refused = new Counter({
    name: "weft_xds_resources_refused_total",
    help: "Resources that a proxy refused (NACK).",
    labelNames: ["type"],
    registers,
  });
  registerStateGauges(registry, state);
  return {
    text: () => registry.metrics(),
    eventsPublished: (count) => published.inc(count),
    lists: (kind) => lists.inc({ kind }),
    snapshotFollowed: (value) => version.set(value),
    fault: (where) => faults.inc({ where }),
    streamRefused: (code) => refusedStreams.inc({ code }),
    connectionDropped: (reason) => droppedConnections.inc({ reason }),
    resourceRefused: (type) => refused.inc({ type }),
  };
}

function registerStateGauges(registry: Registry, state: GatewayState): void {
  const gauges: readonly (readonly [name: string, help: string, read: () => number])[] = [
    ["weft_proxies_connected", "Proxies with an open xDS stream.", state.proxies],
    [
      "weft_cloud_contact_age_seconds",
      "Seconds since the head was last read.",
      () => (Date.now() - state.lastContact()) / 1000,
    ],
    ["weft_stale", "1 while the head was not read for too long.", () => Number(state.stale())],
    [
      "weft_autonomous",
      "1 while the gateway compiles its own state, because the cloud does not take its changes.",
      () => Number(state.autonomous()),
    ],
    [
      "weft_cloud_went_back",
      "1 while the head is older than what is served, and not followed.",
      () => Number(state.wentBack()),
    ],
    [
      "weft_changes_held",
      "1 while a pin of the head keeps what is served: rollback, freeze, or a guard's hold.",
      () => Number(state.held()),
    ],
  ];
  for (const [name, help, read] of gauges)
    registry.registerMetric(new Gauge({ name, help, registers: [], collect: collectWith(read) }));
}

function collectWith(read: () => number) {
  return function collect(this: Gauge): void {
    this.set(read());
  };
}
