import { lookup } from "node:dns/promises";
import { createServer, type Server } from "node:http";
import { json } from "node:stream/consumers";
import { openConnection, repeat, sendRequests, talkWebSocket } from "./clients.ts";
import type {
  GrpcCommand,
  HoldCommand,
  HoldWatchCommand,
  HttpCommand,
  LoadCommand,
  TcpCommand,
  WebSocketCommand,
} from "./commands.ts";
import { createHolds } from "./holds.ts";
import { type Load, startLoad } from "./load.ts";

type Order = (body: never) => Promise<unknown>;

/** Does from inside the pod what the test asks for (commands.ts). */
export function driverServer(): Server {
  const loads = new Map<string, Load>();
  const holds = createHolds();
  const orders: Readonly<Record<string, Order>> = {
    "/http": (command: HttpCommand) => sendRequests(command),
    "/tcp": (command: TcpCommand) => repeat(command, () => openConnection(command)),
    "/hold/open": (command: HoldCommand) => holds.open(command),
    "/hold/watch": (command: HoldWatchCommand) => holds.watch(command),
    // Loaded when used: most pods never speak gRPC.
    "/grpc": async (command: GrpcCommand) => (await import("./grpc-echo.ts")).callGrpcEcho(command),
    "/websocket": (command: WebSocketCommand) => talkWebSocket(command),
    "/lookup": async ({ host }: { readonly host: string }) =>
      (await lookup(host, { all: true })).map(({ address }) => address).sort(),
    "/load/start": async (command: LoadCommand) => {
      loads.set(command.name, startLoad(command));
      return {};
    },
    "/load/look": async ({ name }: { readonly name: string }) => loads.get(name)?.tally(),
    "/load/stop": async ({ name }: { readonly name: string }) => loads.get(name)?.stop(),
  };
  return createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const order = orders[request.url ?? ""];
      if (order === undefined) throw new Error(`there is no order ${request.url}`);
      const result = await order((await json(request)) as never);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result ?? null));
    };
    answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
}
