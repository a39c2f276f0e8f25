/** The program of a test pod: the servers that LISTEN names (`8080=http,9000=echo`), and the driver on port DRIVER. */

import { once } from "node:events";
import type { Server } from "node:net";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { driverServer } from "./driver.ts";
import { httpServer } from "./http-server.ts";
import { echoServer, greetingServer } from "./tcp-servers.ts";

const name = process.env["NAME"] ?? "";
const closers: (() => void)[] = [];

const servers: Readonly<Record<string, () => Server>> = {
  http: () => httpServer(name),
  echo: () => echoServer(name),
  greeting: () => greetingServer(name),
  driver: driverServer,
};

async function listen(kind: string, port: number): Promise<void> {
  if (kind === "grpc") {
    const server = await (await import("./grpc-echo.ts")).startGrpcEcho(name, port);
    closers.push(() => server.tryShutdown(() => undefined));
    return;
  }
  const server = servers[kind]?.();
  if (server === undefined) throw new Error(`LISTEN has the unknown kind ${kind}`);
  server.listen(port, "0.0.0.0");
  await once(server, "listening");
  closers.push(() => server.close());
}

for (const entry of (process.env["LISTEN"] ?? "").split(",").filter((text) => text !== "")) {
  const [port, kind = ""] = entry.split("=");
  await listen(kind, Number(port));
}
// Last, as readiness is asked here.
await listen("driver", Number(process.env["DRIVER"]));

process.once("SIGTERM", () => {
  // As applications in Kubernetes do: serve on until the endpoints are known to be gone, then close and let what is under way end.
  void pause(Number(process.env["LINGER_MS"] ?? 0)).then(() => closers.map((close) => close()));
});
