import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { startCosmos } from "../../local/cosmos/start-cosmos.ts";
import { DEFAULT_HUBS } from "../../local/event-hubs/config.ts";
import { startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { containers } from "../containers.ts";
import type { Finding } from "./checks.ts";

const main = join(import.meta.dirname, "main.ts");
const run = promisify(execFile);

async function smoke(
  flags: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<readonly Finding[]> {
  const env = { PATH: process.env["PATH"], ...settings };
  const { stdout } = await run(process.execPath, [main, ...flags, "--output", "json"], { env });
  return JSON.parse(stdout) as readonly Finding[];
}

test("an owner may do everything on the stand-ins; what needs a subscription is skipped with its reason", async () => {
  await using hubs = await startEventHubs({ port: 0, host: "127.0.0.1", hubs: DEFAULT_HUBS });
  await using cosmos = await startCosmos({ port: 0, host: "127.0.0.1", databases: [{ id: "weft", containers }] });
  const settings = { EventHubs: hubs.connectionString, Cosmos: cosmos.connectionString };
  const findings = await smoke(["--as", "owner"], settings);
  assert.deepEqual(
    findings.filter(({ state }) => state === "wrong"),
    [],
  );
  assert.equal(findings.filter(({ state }) => state === "ok").length, 8);
  const skipped = findings.filter(({ state }) => state === "skipped");
  assert.equal(skipped.length, 3);
  for (const { detail } of skipped) assert.match(detail, /needs|no changes|set /);
  await assert.rejects(smoke(["--as", "gateway"], settings), /a connection string is no gateway/);
});

test("without settings it says which", async () => {
  await assert.rejects(smoke(["--as", "owner"], {}), /smoke:azure: set EventHubs .* and Cosmos/);
  await assert.rejects(smoke([], {}), /usage: npm run smoke:azure/);
});
