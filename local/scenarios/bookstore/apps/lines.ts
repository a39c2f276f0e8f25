import type { Socket } from "node:net";
import { createInterface, type Interface } from "node:readline";

/** The lines that arrive on a socket, as `line` events. What goes wrong with the socket is its owner's to handle, on the socket. */
export function linesOf(socket: Socket): Interface {
  const lines = createInterface({ input: socket });
  // The interface raises the socket's errors a second time, and one that nobody listens to ends the process.
  lines.on("error", () => {});
  return lines;
}
