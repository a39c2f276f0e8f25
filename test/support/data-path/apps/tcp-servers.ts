import { createServer, type Server } from "node:net";

/** Client first: answers each piece with `<name>: <piece>`. */
export function echoServer(name: string): Server {
  return createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => socket.write(`${name}: ${bytes.toString()}`));
  });
}

/** Server first: greets with `greeting from <name>`, then echoes. */
export function greetingServer(name: string): Server {
  return createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.write(`greeting from ${name}\n`);
    socket.on("data", (bytes) => socket.write(`${name}: ${bytes.toString()}`));
  });
}
