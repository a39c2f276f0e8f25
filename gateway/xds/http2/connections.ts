import type { Socket } from "node:net";
import type { Clock } from "../../../shared/ports/clock.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHost, Drop } from "./connection-host.ts";
import { encodeGreeting } from "./greeting.ts";
import type { Http2Limits } from "./limits.ts";
import { createMessageFrames } from "./message-frames.ts";
import { answerRequest, type Routes } from "./requests.ts";
import { createWriteBatch } from "./write-batch.ts";

export interface ConnectionsOptions {
  readonly routes: Routes;
  readonly limits: Http2Limits;
  readonly tls: boolean;
  readonly clock: Clock;
  readonly onDropped: (drop: Drop) => void;
  readonly onFault: (error: unknown) => void;
}

export interface Connections extends Disposable {
  /** Speaks HTTP/2 on a socket that is ready. */
  take(socket: Socket): void;
  /** Tells every peer to go elsewhere; connections end with their last stream. */
  leave(): void;
}

const sweepEvery = 1_000;
/**
 * Node's TLS keeps buffers for the most that was ever encrypted at once, for each connection as long as it lives: a first response of 55 KB would cost as much for
 * ever. So much fills half of one of them: 71 KB an idle stream, with 15 KB 75, and less still would cost more CPU.
 */
const tlsPieceBytes = 7 * 1024;
/** Bytes of framed messages, for those that are sent to many. */
const framesKept = 4 * 1024 * 1024;

/** All connections of a server, with what they share: one timer, one batch of writes, the framed messages. */
export function createConnections(options: ConnectionsOptions): Connections {
  const { clock, limits, routes, tls } = options;
  const connections = new Set<Connection>();
  const messageFrames = createMessageFrames(framesKept);
  const host: ConnectionHost & { now: number } = {
    limits,
    greeting: encodeGreeting(limits),
    batch: createWriteBatch(),
    pieceBytes: tls ? tlsPieceBytes : Number.POSITIVE_INFINITY,
    messageFrames,
    now: clock.monotonic(),
    request: (request) => answerRequest(request, { routes, messageBytes: limits.messageBytes }),
    dropped: options.onDropped,
    fault: options.onFault,
  };
  const sweep = (): void => {
    host.now = clock.monotonic();
    messageFrames.sweep();
    for (const connection of connections) connection.sweep();
    timer = clock.after(sweepEvery, sweep);
  };
  let timer = clock.after(sweepEvery, sweep);
  return {
    take(socket) {
      const connection = new Connection(socket, host);
      connections.add(connection);
      socket.on("data", (chunk: Buffer) => connection.receive(chunk));
      socket.on("drain", () => connection.socketDrained());
      // The end follows.
      socket.on("error", () => {});
      socket.on("close", () => {
        connections.delete(connection);
        connection.socketClosed();
      });
    },
    leave() {
      for (const connection of connections) connection.leave();
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}
