import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type App, startRawServer } from "./app-server.ts";
import { type Counters, createCounters } from "./counters.ts";
import { linesOf } from "./lines.ts";

export interface MysqlOptions {
  readonly port: number;
  readonly rawPort: number;
}

/** First words of a server that, as MySQL does, speaks before its client. */
export const greeting = "5.6.51-books ready";

/**
 * A database of one number: greets each client, then answers a line with a line. `ADD <n>` adds to the total and
 * answers it, `TOTAL` answers it, anything else gets `ERROR` and a reason.
 */
export async function startMysql(options: MysqlOptions): Promise<App> {
  const counters = createCounters("mysql");
  await using building = new AsyncDisposableStack();
  const raw = building.use(await startRawServer(options.rawPort, counters));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // A probe connects and leaves; a client may vanish.
    socket.on("error", () => socket.destroy());
    serve(socket, counters);
  });
  server.listen(options.port);
  await once(server, "listening");
  building.defer(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  const standing = building.move();
  return { port, rawPort: raw.port, [Symbol.asyncDispose]: () => standing.disposeAsync() };
}

function serve(socket: Socket, counters: Counters): void {
  socket.write(`${greeting}\n`);
  linesOf(socket).on("line", (line) => {
    const [, sum] = /^ADD (\d{1,9})$/.exec(line) ?? [];
    if (sum !== undefined || line === "TOTAL") {
      counters.serve();
      socket.write(`${counters.addBooks(Number(sum ?? 0))}\n`);
    } else socket.write(`ERROR not a command: ${line.slice(0, 80)}\n`);
  });
}
