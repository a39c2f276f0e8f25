import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { containers } from "../../infra/containers.ts";
import { faultFlags, parseControlPort, readFaultPlan } from "../faults/fault-plan.ts";
import { cosmosFault } from "./core/cosmos-fault.ts";
import type { RoleAssignment } from "./core/rights.ts";
import { type Cosmos, type CosmosOptions, startCosmos } from "./start-cosmos.ts";

const usage =
  'usage: npm run local:cosmos -- [--port N] [--host H] [--dir D] [--database NAME] [--request-units N] [--partition-bytes N] [--partitions N] [--tls-key FILE --tls-cert FILE] [--role "OID reader|contributor SCOPE"]… [--faults JSON|FILE] [--control-port N] [--output json]';

interface Arguments {
  readonly port: number;
  readonly host: string;
  readonly dir: string | undefined;
  readonly database: string;
  readonly json: boolean;
  readonly limits: Pick<
    CosmosOptions,
    "requestUnits" | "partitionBytes" | "partitions" | "roles" | "tls" | "faults" | "controlPort"
  >;
}

/** Reads the flags. @throws Error with one line that says what is wrong */
async function parseArguments(): Promise<Arguments> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8081" },
      host: { type: "string", default: "127.0.0.1" },
      dir: { type: "string" },
      database: { type: "string", default: "weft" },
      output: { type: "string", default: "text" },
      "request-units": { type: "string" },
      "partition-bytes": { type: "string" },
      partitions: { type: "string" },
      "tls-key": { type: "string" },
      "tls-cert": { type: "string" },
      role: { type: "string", multiple: true },
      ...faultFlags,
    },
  });
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65535)
    throw new Error(`--port must be a number up to 65535, not '${values.port}'`);
  if (values.output !== "text" && values.output !== "json") throw new Error("--output must be json or text");
  const controlPort = parseControlPort(values["control-port"]);
  const limits = {
    ...limit("requestUnits", values["request-units"]),
    ...limit("partitionBytes", values["partition-bytes"]),
    ...limit("partitions", values.partitions),
    ...(values.role === undefined ? {} : { roles: values.role.map((role) => parseRole(role)) }),
    ...(await readTls(values["tls-key"], values["tls-cert"])),
    faults: await readFaultPlan(values.faults, cosmosFault),
    ...(controlPort === undefined ? {} : { controlPort }),
  };
  return {
    port,
    host: values.host,
    dir: values.dir,
    database: values.database,
    json: values.output === "json",
    limits,
  };
}

function limit<Name extends "requestUnits" | "partitionBytes" | "partitions">(
  name: Name,
  flag: string | undefined,
): { readonly [key in Name]?: number } {
  if (flag === undefined) return {};
  const value = Number(flag);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`a limit must be a whole number above 0, not '${flag}'`);
  return { [name]: value } as { readonly [key in Name]: number };
}

function parseRole(text: string): RoleAssignment {
  const [principal = "", role, scope = "", ...more] = text.split(" ");
  if ((role !== "reader" && role !== "contributor") || !scope.startsWith("/") || more.length > 0)
    throw new Error(`--role '${text}' is not like 'OID reader /dbs/weft' (or contributor; / is everything)`);
  return { principal, role, scope };
}

async function readTls(key: string | undefined, cert: string | undefined): Promise<Pick<CosmosOptions, "tls">> {
  if (key === undefined && cert === undefined) return {};
  if (key === undefined || cert === undefined) throw new Error("--tls-key and --tls-cert belong together");
  return { tls: { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") } };
}

function describe(cosmos: Cosmos, { json, database, dir }: Arguments): string {
  if (json) {
    const { endpoint, connectionString, faultsUrl } = cosmos;
    return JSON.stringify({ part: "cosmos", pid: process.pid, address: endpoint, connectionString, faults: faultsUrl });
  }
  return [
    `Cosmos DB stand-in at ${cosmos.endpoint}, data ${dir === undefined ? "in memory" : `in ${dir}`}`,
    `  database           ${database} (${containers.map(({ id }) => id).join(", ")})`,
    `  connection string  ${cosmos.connectionString}`,
    ...(cosmos.faultsUrl === undefined ? [] : [`  faults             ${cosmos.faultsUrl}`]),
    "  clients need connectionPolicy.enableEndpointDiscovery: false",
    "Ctrl-C ends it.",
  ].join("\n");
}

/** One line for the faults that a user can mend; all of it for the others. */
function explain(error: unknown, { port, host }: { readonly port?: number; readonly host?: string }): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") return `port ${port} of ${host} is in use; choose another with --port`;
  return error.message.split("\n")[0] ?? error.message;
}

async function main(): Promise<void> {
  let known: Partial<Arguments> = {};
  try {
    const options = await parseArguments();
    known = options;
    const { port, host, dir, database, limits } = options;
    const cosmos = await startCosmos({
      port,
      host,
      ...limits,
      databases: [{ id: database, containers }],
      ...(dir === undefined ? {} : { dir }),
    });
    const stop = (): void => {
      void cosmos[Symbol.asyncDispose]();
    };
    process.once("SIGTERM", stop);
    process.once("SIGINT", stop);
    console.log(describe(cosmos, options));
  } catch (error) {
    const hint =
      error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS") ? `; ${usage}` : "";
    console.error(`cosmos: ${explain(error, known)}${hint}`);
    process.exitCode = 1;
  }
}

await main();
