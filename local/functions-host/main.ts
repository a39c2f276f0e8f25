import { Console } from "node:console";
import { parseArgs } from "node:util";
import { readLocalSettings } from "./app-settings.ts";
import { firstLine } from "./functions-host-error.ts";
import { type FunctionsHost, type FunctionsHostOptions, startFunctionsHost } from "./start-functions-host.ts";

const usage = `Runs an Azure Functions app.

  --app PATH         folder with the app's package.json, or its bundle (default: .)
  --port N           port on 127.0.0.1 (default: a free one)
  --dir D            folder for checkpoints and schedules (default: in memory)
  --settings FILE    local.settings.json; the environment goes before it
  --output json      one line of JSON when ready
`;

/** Milliseconds after a stop for which a handle that the app left open may keep the process alive. */
const lingering = 2000;

const print = process.stdout.write.bind(process.stdout);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      app: { type: "string" },
      port: { type: "string" },
      dir: { type: "string" },
      settings: { type: "string" },
      output: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    print(usage);
    return;
  }
  if (values.output !== undefined && values.output !== "json")
    throw new Error(`--output ${values.output}: only json is known.`);
  const port = Number(values.port ?? "0");
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${values.port ?? ""} is not a port.`);
  const options: FunctionsHostOptions = {
    app: values.app ?? ".",
    port,
    settings: { ...(values.settings === undefined ? {} : readLocalSettings(values.settings)), ...environment() },
    log: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
    ...(values.dir === undefined ? {} : { dir: values.dir }),
  };
  // What the app itself prints is a log too; standard output belongs to the one line that says where the host is.
  globalThis.console = new Console(process.stderr);
  const stopped = stopSignal();
  const host = await startFunctionsHost(options);
  announce(host, values.output === "json");
  await stopped;
  await host[Symbol.asyncDispose]();
}

function announce(host: FunctionsHost, json: boolean): void {
  if (json) {
    const line = { part: "functions-host", pid: process.pid, address: host.url, functions: host.functions };
    print(`${JSON.stringify(line)}\n`);
    return;
  }
  print(`Functions host  ${host.url}\n  key           ${host.key}\n`);
  for (const name of host.functions) print(`  function      ${name}\n`);
}

function environment(): Record<string, string> {
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  return promise;
}

try {
  await main();
} catch (thrown) {
  process.stderr.write(`${firstLine(thrown)}\n`);
  process.exitCode = 1;
}
// An app may leave timers and sockets behind. Like the platform the host does not wait for them for ever.
setTimeout(() => {
  process.removeAllListeners("SIGTERM");
  process.kill(process.pid, "SIGTERM");
}, lingering).unref();
