import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { ServerAnswer } from "./commands.ts";

/** Says who it is and what it was asked; `/status/N` answers with N, `/slow/N` after N milliseconds. Upgrades to an echoing WebSocket. */
export function httpServer(name: string): Server {
  const server = createServer((request, response) => {
    const { method = "", url = "" } = request;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, String(value)]));
    const answer: ServerAnswer = { name, method, path: url, headers };
    const status = Number(/^\/status\/(\d{3})$/.exec(url)?.[1] ?? 200);
    const delay = Number(/^\/slow\/(\d+)$/.exec(url)?.[1] ?? 0);
    request.resume().once("end", () => {
      setTimeout(() => {
        response.writeHead(status, { "content-type": "application/json", "x-server": name });
        response.end(JSON.stringify(answer));
      }, delay);
    });
  });
  // Longer than any client of a test rests, so that it is never the server that closes a connection under a request.
  server.keepAliveTimeout = 120_000;
  server.on("upgrade", (request, socket: Duplex) => {
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    socket.write(`${[...lines, `Sec-WebSocket-Accept: ${accept}`].join("\r\n")}\r\n\r\n`);
    echoFrames(socket, name);
  });
  return server;
}

const opcodes = { text: 1, close: 8 } as const;

/** Answers each text message with `<name>: <message>`; RFC 6455 without fragments, messages shorter than 64 KB. */
function echoFrames(socket: Duplex, name: string): void {
  let pending = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes]);
    for (let frame = readFrame(pending); frame !== undefined; frame = readFrame(pending)) {
      pending = pending.subarray(frame.length);
      if (frame.opcode === opcodes.close) socket.end(writeFrame(opcodes.close, frame.payload));
      else if (frame.opcode === opcodes.text)
        socket.write(writeFrame(opcodes.text, Buffer.from(`${name}: ${frame.payload.toString()}`)));
    }
  });
}

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Of the whole frame. */
  readonly length: number;
}

/** Undefined until all of a client's (masked) frame is there. */
function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const head = short === 126 ? 4 : 2;
  if (bytes.length < head + 4) return undefined;
  const size = short === 126 ? bytes.readUInt16BE(2) : short;
  const length = head + 4 + size;
  if (bytes.length < length) return undefined;
  const mask = bytes.subarray(head, head + 4);
  const payload = bytes.subarray(head + 4, length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return { opcode: bytes.readUInt8(0) & 0x0f, payload: Buffer.from(payload), length };
}

function writeFrame(opcode: number, payload: Buffer): Buffer {
  const head =
    payload.length < 126
      ? Buffer.from([0x80 | opcode, payload.length])
      : Buffer.from([0x80 | opcode, 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, payload]);
}
