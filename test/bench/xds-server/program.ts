import { parseArgs } from "node:util";
import { startBareServer } from "./bare-server.ts";
import { startControl } from "./control.ts";
import { startFleetServer } from "./fleet-server.ts";

const usage = `usage: npm run bench:xds-server -- --port P --tls-port T --control C --services N
  --port      plaintext streams; 0 takes a free one (0)
  --tls-port  streams over TLS with a certificate of this run (0)
  --control   HTTP: GET /push?clusters=K changes K clusters (1) and answers when that is written, GET /stat tells memory and CPU (0)
  --bare      instead of the gateway's streams, sockets that the same bytes are written to: the floor
  --services  clusters of about 500 bytes that every wildcard CDS stream gets (100)
  --host      address of all three (127.0.0.1)`;

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    "tls-port": { type: "string", default: "0" },
    control: { type: "string", default: "0" },
    services: { type: "string", default: "100" },
    bare: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

/** The gateway's stream code with a made-up fleet, until SIGTERM or SIGINT. One line on standard output says that it is ready. */
async function main(): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopped.resolve());
  const { host } = values;
  const start = values.bare ? startBareServer : startFleetServer;
  await using fleet = await start({
    host,
    port: Number(values.port),
    tlsPort: Number(values["tls-port"]),
    services: Number(values.services),
    onFault: (error) => process.stderr.write(`fault: ${String(error)}\n`),
  });
  await using control = await startControl(fleet, { host, port: Number(values.control) });
  const ports = { port: fleet.port, tlsPort: fleet.tlsPort, control: control.port };
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, ...ports })}\n`);
  await stopped.promise;
}

if (values.help) process.stdout.write(`${usage}\n`);
else await main();
