import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** Every metric of the gateway, in one place. Labels have few values; names of proxies and objects go to the log. */
export interface GatewayMetrics {
  readonly text: () => Promise<string>;
  readonly eventsPublished: (count: number) => void;
  readonly lists: (kind: "asserted" | "whole") => void;
  readonly snapshotFollowed: (version: number) => void;
  readonly fault: (where: string) => void;
  readonly streamRefused: (code: string) => void;
  readonly resourceRefused: (type: string) => void;
}

export function createMetrics(state: {
  readonly proxies: () => number;
  readonly lastContact: () => number;
  readonly stale: () => boolean;
  readonly autonomous: () => boolean;
}): GatewayMetrics {
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
  const refused = new Counter({
    name: "weft_xds_resources_refused_total",
    help: "Resources that a proxy refused (NACK).",
    labelNames: ["type"],
    registers,
  });
  // Gauges that are read when they are asked for.
  const connected = new Gauge({
    name: "weft_proxies_connected",
    help: "Proxies with an open xDS stream.",
    registers: [],
    collect: collectWith(state.proxies),
  });
  const contactAge = new Gauge({
    name: "weft_cloud_contact_age_seconds",
    help: "Seconds since the head was last read.",
    registers: [],
    collect: collectWith(() => (Date.now() - state.lastContact()) / 1000),
  });
  const stale = new Gauge({
    name: "weft_stale",
    help: "1 while the head was not read for too long.",
    registers: [],
    collect: collectWith(() => Number(state.stale())),
  });
  const autonomous = new Gauge({
    name: "weft_autonomous",
    help: "1 while the gateway compiles its own state, because the cloud does not take its changes.",
    registers: [],
    collect: collectWith(() => Number(state.autonomous())),
  });
  for (const gauge of [connected, contactAge, stale, autonomous]) registry.registerMetric(gauge);
  return {
    text: () => registry.metrics(),
    eventsPublished: (count) => published.inc(count),
    lists: (kind) => lists.inc({ kind }),
    snapshotFollowed: (value) => version.set(value),
    fault: (where) => faults.inc({ where }),
    streamRefused: (code) => refusedStreams.inc({ code }),
    resourceRefused: (type) => refused.inc({ type }),
  };
}

function collectWith(read: () => number) {
  return function collect(this: Gauge): void {
    this.set(read());
  };
}
