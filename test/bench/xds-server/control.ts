import { createServer, type ServerResponse } from "node:http";
import { type ListeningServer, listen } from "../../../shared/shell/listening-server.ts";
import type { FleetServer } from "./fleet-server.ts";

/** What `GET /stat` answers, of our server and of the peers'. */
export interface ServerStat {
  readonly pid: number;
  /** Resident memory. Bytes. */
  readonly rss: number;
  /** Live and dead objects of the language's heap. Bytes. */
  readonly heap: number;
  /** Since the process began. Microseconds. */
  readonly cpu: { readonly user: number; readonly system: number };
  readonly streams: number;
  readonly generation: number;
}

/** `GET /push?clusters=1` answers when the change is written to every stream, `GET /stat` at once. */
export function startControl(
  fleet: FleetServer,
  address: { readonly host: string; readonly port: number },
): Promise<ListeningServer> {
  const server = createServer(({ method, url }, response) => {
    const { pathname, searchParams } = new URL(url ?? "/", "http://control");
    const clusters = Number(searchParams.get("clusters") ?? 1);
    if (method !== "GET" || !["/push", "/stat"].includes(pathname))
      answer(response, 404, { error: "GET /push, /stat" });
    else if (pathname === "/stat") answer(response, 200, statOf(fleet));
    else if (!Number.isInteger(clusters) || clusters < 1) answer(response, 400, { error: "clusters: at least 1" });
    else answer(response, 200, { generation: fleet.push(clusters) });
  });
  return listen(server, address);
}

function statOf(fleet: FleetServer): ServerStat {
  const { rss, heapUsed } = process.memoryUsage();
  return {
    pid: process.pid,
    rss,
    heap: heapUsed,
    cpu: process.cpuUsage(),
    streams: fleet.streams,
    generation: fleet.generation,
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
}
