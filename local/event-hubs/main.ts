import { once } from "node:events";
import { parseArgs } from "node:util";
import { startFaultControl } from "../faults/fault-control.ts";
import { createFaultInjector } from "../faults/fault-injector.ts";
import { type FaultPlan, faultFlags, parseControlPort, readFaultPlan } from "../faults/fault-plan.ts";
import { DEFAULT_HUBS, readConfig } from "./config.ts";
import { type HubFault, hubFault } from "./faults.ts";
import type { HubDefinition } from "./hub.ts";
import type { Retention } from "./log/partition-log.ts";
import { type AccessKey, parseAccessKey, rootKey } from "./shared-access-key.ts";
import { type EventHubs, startEventHubs } from "./start-event-hubs.ts";

const USAGE =
  "usage: npm run local:event-hubs -- [--port N] [--host H] [--dir D] [--config Config.json] [--key NAME=send,listen]… [--retention-hours H] [--retention-bytes B] [--faults JSON|FILE] [--control-port N] [--output json]";

/** AMQP's own port, as the official emulator has it. */
const DEFAULT_PORT = 5672;
const HOUR_MS = 3_600_000;

interface Settings {
  readonly port: number;
  readonly host: string;
  readonly dir: string | undefined;
  readonly hubs: readonly HubDefinition[];
  readonly keys: readonly AccessKey[];
  readonly retention: Retention;
  readonly faults: FaultPlan<HubFault>;
  readonly controlPort: number | undefined;
  readonly json: boolean;
}

async function readSettings(): Promise<Settings> {
  const { values } = parseArgs({
    options: {
      ...faultFlags,
      port: { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      dir: { type: "string" },
      config: { type: "string" },
      key: { type: "string", multiple: true, default: [] },
      "retention-hours": { type: "string" },
      "retention-bytes": { type: "string" },
      output: { type: "string" },
    },
  });
  const port = values.port === undefined ? DEFAULT_PORT : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${values.port} is not a port number. ${USAGE}`);
  if (values.output !== undefined && values.output !== "json") throw new Error(`--output can only be json. ${USAGE}`);
  const age = parseAmount("--retention-hours", values["retention-hours"]);
  const bytes = parseAmount("--retention-bytes", values["retention-bytes"]);
  return {
    port,
    host: values.host,
    dir: values.dir,
    hubs: values.config === undefined ? DEFAULT_HUBS : await readConfig(values.config),
    keys: [rootKey, ...values.key.map(parseAccessKey)],
    retention: {
      ...(age === undefined ? {} : { age: age * HOUR_MS }),
      ...(bytes === undefined ? {} : { bytes }),
    },
    faults: await readFaultPlan(values.faults, hubFault),
    controlPort: parseControlPort(values["control-port"]),
    json: values.output === "json",
  };
}

function parseAmount(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const amount = Number(text);
  if (!(amount > 0)) throw new Error(`${flag} ${text} is not a number above 0. ${USAGE}`);
  return amount;
}

function introduce(hub: EventHubs, { host, hubs, keys, dir, json }: Settings, faultsUrl: string | undefined): void {
  const address = `${host}:${hub.port}`;
  const { connectionString } = hub;
  if (json) {
    const connectionStrings = Object.fromEntries(keys.map((key) => [key.name, hub.connectionStringFor(key)]));
    console.log(
      JSON.stringify({
        part: "event-hubs",
        pid: process.pid,
        address,
        connectionString,
        connectionStrings,
        faults: faultsUrl,
      }),
    );
    return;
  }
  console.log(
    `Event Hubs stand-in at ${address} (pid ${process.pid}), events ${dir === undefined ? "in memory" : `in ${dir}`}`,
  );
  console.log("\nConnect with");
  for (const key of keys) console.log(`  ${hub.connectionStringFor(key)}`);
  console.log("");
  for (const { name, partitionCount, consumerGroups = [] } of hubs) {
    console.log(
      `  ${name}: ${partitionCount} partitions, consumer groups ${["$Default", ...consumerGroups.filter((group) => group.toLowerCase() !== "$default")].join(", ")}`,
    );
  }
  if (faultsUrl !== undefined) console.log(`\nFaults: ${faultsUrl}`);
}

function explain(error: unknown): string {
  const fault = error as NodeJS.ErrnoException;
  if (fault.code === "EADDRINUSE")
    return "the port is in use: stop what listens there, or take another with --port (0 for any)";
  if (fault.code?.startsWith("ERR_PARSE_ARGS") === true) return `${fault.message} ${USAGE}`;
  return fault.message ?? String(error);
}

try {
  const settings = await readSettings();
  const { port, host, dir, hubs, keys, retention, controlPort } = settings;
  const stop = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  const faults = createFaultInjector(settings.faults);
  await using hub = await startEventHubs({
    port,
    host,
    hubs,
    keys,
    retention,
    faults,
    ...(dir === undefined ? {} : { dir }),
    report: (fault) => console.error(`event-hubs: ${fault.stack ?? fault.message}`),
  });
  const { namespace } = hub;
  await using control =
    controlPort === undefined
      ? undefined
      : await startFaultControl({
          injector: faults,
          schema: hubFault,
          port: controlPort,
          now: (fault) => namespace.doNow(fault),
        });
  introduce(hub, settings, control?.url);
  await stop;
} catch (error) {
  console.error(`event-hubs: ${explain(error).replaceAll(/\s*\n\s*/g, " ")}`);
  process.exitCode = 1;
}
