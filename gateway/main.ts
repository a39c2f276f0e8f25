import { readEnvironment } from "../shared/shell/config/env.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { azureParts } from "./azure-parts.ts";
import { startGateway } from "./compose.ts";
import { readGatewayConfig } from "./config.ts";
import { createLog } from "./log.ts";

/** For an orderly end, in milliseconds. Below Kubernetes' 30 s: whoever is away then must not decide how we end. */
const stopLimit = 10_000;

/** env → config → start → wait for a signal. */
async function main(): Promise<void> {
  const log = createLog();
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopped.resolve());
  const config = readGatewayConfig(readEnvironment());
  await using parts = await azureParts(config, log);
  await using gateway = await startGateway(config, parts);
  const address = {
    xds: `${config.xds.host}:${gateway.xdsPort}`,
    admin: `http://${config.admin.host}:${gateway.adminPort}`,
  };
  process.stdout.write(
    `${JSON.stringify({ part: "gateway", pid: process.pid, address: address.admin, ...address })}\n`,
  );
  await stopped.promise;
  setTimeout(() => {
    log.warn({ limit: stopLimit }, "not stopped in time");
    process.kill(process.pid, "SIGKILL");
  }, stopLimit).unref();
}

try {
  await main();
} catch (error) {
  const { code, message } = MeshError.from(error);
  process.stderr.write(`gateway: ${code}: ${message}\n`);
  process.exitCode = 1;
}
