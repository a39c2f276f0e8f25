/** `node main.ts <app>` runs one app of the bookstore by its environment until it is told to end. */

import { once } from "node:events";
import type { App } from "./app-server.ts";
import { startBookbuyer } from "./bookbuyer.ts";
import { startBookstore } from "./bookstore.ts";
import { startBookwarehouse } from "./bookwarehouse.ts";
import { startMysql } from "./mysql.ts";

const text = (name: string, otherwise: string): string => process.env[name] ?? otherwise;
const number = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);

const port = number("PORT", 14_001);
const rawPort = number("RAW_PORT", 14_002);
const timeoutMs = number("TIMEOUT_MS", 2_000);
const cluster = "svc.cluster.local";

const apps: Readonly<Record<string, () => Promise<App>>> = {
  bookbuyer: () =>
    startBookbuyer({
      app: text("APP", "bookbuyer"),
      bookstore: new URL(text("BOOKSTORE_URL", `http://bookstore.bookstore.${cluster}:14001`)),
      rawPort,
      roundsPerSecond: number("ROUNDS_PER_SECOND", 20),
      timeoutMs,
    }),
  bookstore: () =>
    startBookstore({
      identity: text("IDENTITY", "bookstore-v1"),
      port,
      rawPort,
      bookwarehouse: new URL(text("BOOKWAREHOUSE_URL", `http://bookwarehouse.bookwarehouse.${cluster}:14001`)),
      timeoutMs,
    }),
  bookwarehouse: () =>
    startBookwarehouse({
      port,
      rawPort,
      database: { host: text("DATABASE_HOST", `mysql.bookwarehouse.${cluster}`), port: number("DATABASE_PORT", 3306) },
      timeoutMs,
    }),
  mysql: () => startMysql({ port: number("PORT", 3306), rawPort }),
};

const name = process.argv[2] ?? "";
const start = apps[name];
if (start === undefined) {
  process.stderr.write(`no app "${name}"; there are ${Object.keys(apps).join(", ")}\n`);
  process.exitCode = 1;
} else {
  await using app = await start();
  process.stdout.write(`${JSON.stringify({ app: name, port: app.port, rawPort: app.rawPort })}\n`);
  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
}
