import { Console } from "node:console";
import { parseArgs } from "node:util";
import { readLocalSettings } from "../app-settings.ts";
import { askParentForFaults } from "../faults/over-ipc.ts";
import { firstLine } from "../functions-host-error.ts";
import type { WorkerReady } from "../run-worker.ts";
import { type FunctionsHostOptions, startFunctionsHost } from "../start-functions-host.ts";

/** The worker of ../main.ts: host and app in one process, which may die. Flags are those of the command, checked there. */

/** Milliseconds after a stop for which a handle that the app left open may keep the process alive. */
const lingering = 2000;

const print = process.stdout.write.bind(process.stdout);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      app: { type: "string", default: "." },
      port: { type: "string", default: "0" },
      dir: { type: "string" },
      settings: { type: "string" },
      partitions: { type: "string" },
      faults: { type: "boolean", default: false },
    },
  });
  const options: FunctionsHostOptions = {
    app: values.app,
    port: Number(values.port),
    settings: { ...(values.settings === undefined ? {} : readLocalSettings(values.settings)), ...environment() },
    log: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
    ...(values.dir === undefined ? {} : { dir: values.dir }),
    ...(values.partitions === undefined ? {} : { partitions: values.partitions.split(",") }),
    ...(values.faults ? { faults: askParentForFaults() } : {}),
  };
  // What the app itself prints is a log too; standard output belongs to the one line that says where the host is.
  globalThis.console = new Console(process.stderr);
  const stopped = stopSignal();
  const host = await startFunctionsHost(options);
  const { url, key, functions } = host;
  print(`${JSON.stringify({ url, key, functions } satisfies WorkerReady)}\n`);
  await stopped;
  await host[Symbol.asyncDispose]();
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

/** Its standard input is a pipe from whoever started it. One that was killed has perhaps a successor, which wants the port at once. */
function endWithParent(): void {
  process.stdin.on("close", () => process.kill(process.pid, "SIGKILL"));
  process.stdin.resume();
  (process.stdin as typeof process.stdin & { unref(): void }).unref();
}

endWithParent();
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
