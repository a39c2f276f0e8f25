import { parseArgs } from "node:util";
import { readEnvironment } from "../../shared/shell/config/env.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { checkAll } from "./checks.ts";
import { type Role, readSmokeSettings, roles } from "./settings.ts";

const usage = `usage: npm run smoke:azure -- --as gateway|functions|owner [--output json]
  --as            whose credentials are in force: az login, a managed identity, or connection strings (owner)
  Settings: EventHubs__fullyQualifiedNamespace, Cosmos__accountEndpoint, WEFT_DATABASE, WEFT_FUNCTIONS_URL.
  docs/azure.md says what to do by hand: cold start, failover, restore.`;

/** What only a subscription can show. Each line is a check; exit code 1 when one of them is wrong. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { as: { type: "string" }, output: { type: "string", default: "text" } } });
  const role = roles.find((candidate): candidate is Role => candidate === values.as);
  if (role === undefined || !["text", "json"].includes(values.output)) throw new MeshError("config-invalid", usage);
  const findings = await checkAll(readSmokeSettings(readEnvironment(), role));
  if (values.output === "json") process.stdout.write(`${JSON.stringify(findings)}\n`);
  else for (const { state, what, detail } of findings) process.stdout.write(`${state.padEnd(8)} ${what}: ${detail}\n`);
  if (findings.some(({ state }) => state === "wrong")) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`smoke:azure: ${MeshError.from(error).message}\n`);
  process.exitCode = 1;
}
