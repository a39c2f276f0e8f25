import { connect, type Socket } from "node:net";
import type { HoldCommand, HoldResult, HoldWatchCommand } from "./commands.ts";

/** Connections that stay open from one order to the next, by name. */
export interface Holds {
  open(command: HoldCommand): Promise<HoldResult>;
  watch(command: HoldWatchCommand): Promise<HoldResult>;
}

export function createHolds(): Holds {
  const sockets = new Map<string, Socket>();
  /** Resolves false at the end of the connection, true when `event` or the time-out comes first. */
  const until = (socket: Socket, event: string, timeoutMs: number): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    if (socket.destroyed) resolve(false);
    socket.once("close", () => resolve(false));
    socket.once(event, () => resolve(true));
    const timer = setTimeout(() => resolve(true), timeoutMs);
    return promise.finally(() => clearTimeout(timer));
  };
  return {
    async open({ name, host, port, send, timeoutMs = 10_000 }) {
      const socket = connect({ host, port });
      socket.on("error", () => socket.destroy());
      if (send !== undefined) socket.once("connect", () => socket.write(send));
      const open = await until(socket, "data", timeoutMs);
      socket.resume(); // what nobody reads would keep the end from being seen
      sockets.set(name, socket);
      return { open };
    },
    async watch({ name, timeoutMs }) {
      const socket = sockets.get(name);
      if (socket === undefined) throw new Error(`there is no connection ${name}`);
      const open = await until(socket, "never", timeoutMs);
      return { open };
    },
  };
}
