import { once } from "node:events";
import { parseArgs } from "node:util";
import { DEFAULT_HUBS, readConfig } from "./config.ts";
import type { HubDefinition } from "./hub.ts";
import { type EventHubs, startEventHubs } from "./start-event-hubs.ts";

const USAGE =
  "usage: npm run local:event-hubs -- [--port N] [--host H] [--dir D] [--config Config.json] [--output json]";

/** AMQP's own port, as the official emulator has it. */
const DEFAULT_PORT = 5672;

interface Settings {
  readonly port: number;
  readonly host: string;
  readonly dir: string | undefined;
  readonly hubs: readonly HubDefinition[];
  readonly json: boolean;
}

async function readSettings(): Promise<Settings> {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      dir: { type: "string" },
      config: { type: "string" },
      output: { type: "string" },
    },
  });
  const port = values.port === undefined ? DEFAULT_PORT : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${values.port} is not a port number. ${USAGE}`);
  if (values.output !== undefined && values.output !== "json") throw new Error(`--output can only be json. ${USAGE}`);
  const hubs = values.config === undefined ? DEFAULT_HUBS : await readConfig(values.config);
  return { port, host: values.host, dir: values.dir, hubs, json: values.output === "json" };
}

function introduce(hub: EventHubs, { host, hubs, dir, json }: Settings): void {
  const address = `${host}:${hub.port}`;
  const { connectionString } = hub;
  if (json) {
    console.log(JSON.stringify({ part: "event-hubs", pid: process.pid, address, connectionString }));
    return;
  }
  console.log(
    `Event Hubs stand-in at ${address} (pid ${process.pid}), events ${dir === undefined ? "in memory" : `in ${dir}`}`,
  );
  console.log(`\nConnect with\n  ${connectionString}\n`);
  for (const { name, partitionCount, consumerGroups = [] } of hubs) {
    console.log(
      `  ${name}: ${partitionCount} partitions, consumer groups ${["$Default", ...consumerGroups.filter((group) => group.toLowerCase() !== "$default")].join(", ")}`,
    );
  }
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
  const { port, host, dir, hubs } = settings;
  const stop = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  await using hub = await startEventHubs({
    port,
    host,
    hubs,
    ...(dir === undefined ? {} : { dir }),
    report: (fault) => console.error(`event-hubs: ${fault.stack ?? fault.message}`),
  });
  introduce(hub, settings);
  await stop;
} catch (error) {
  console.error(`event-hubs: ${explain(error).replaceAll(/\s*\n\s*/g, " ")}`);
  process.exitCode = 1;
}
