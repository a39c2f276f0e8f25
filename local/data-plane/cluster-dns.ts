/** Answers the pods' name look-ups over UDP and TCP. */

import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import * as dns from "dns-packet";
import type { DnsAnswer } from "./dns-zone.ts";

export interface ClusterDns extends AsyncDisposable {
  /** The port, the same for UDP and TCP. */
  readonly port: number;
}

/** CoreDNS' own default for cluster names, seconds. */
const TTL = 5;
const NAME_ERROR = 3;
const NOT_IMPLEMENTED = 4;
/** A UDP answer over this size is cut and asked again over TCP. */
const UDP_LIMIT = 512;
const TRIES_FOR_A_COMMON_PORT = 20;

/** Listens on `address`, on a port that is free for both transports. Names that `resolve` does not know do not exist. */
export async function startClusterDns(address: string, resolve: (name: string) => DnsAnswer): Promise<ClusterDns> {
  for (let tries = 0; tries < TRIES_FOR_A_COMMON_PORT; tries += 1) {
    const server = await listenTcp(address, resolve);
    const udp = await listenUdp(address, { port: server.port, resolve });
    if (udp === undefined) {
      await server.close();
      continue;
    }
    return {
      port: server.port,
      async [Symbol.asyncDispose]() {
        await Promise.all([server.close(), udp.close()]);
      },
    };
  }
  throw new Error(`no port of ${address} is free for both UDP and TCP`);
}

/** The answer to one query packet, or undefined when it is none. Pure. */
export function answerQuery(
  query: Uint8Array,
  resolve: (name: string) => DnsAnswer,
  limit = Number.POSITIVE_INFINITY,
): Buffer | undefined {
  let packet: dns.Packet;
  try {
    packet = dns.decode(query);
  } catch {
    return undefined;
  }
  if (packet.type !== "query") return undefined;
  const reply = (code: number, answers: readonly dns.Answer[], flags = 0): Buffer =>
    dns.encode({
      type: "response",
      id: packet.id,
      flags: dns.AUTHORITATIVE_ANSWER | (packet.flags & dns.RECURSION_DESIRED) | flags | code,
      questions: packet.questions,
      answers,
    });
  const [question] = packet.questions;
  if (question === undefined || packet.questions.length > 1) return reply(NOT_IMPLEMENTED, []);
  const answer = resolve(question.name);
  if (answer.kind === "unknown") return reply(NAME_ERROR, []);
  const whole = reply(0, answersFor(question, answer));
  return whole.length <= limit ? whole : reply(0, [], dns.TRUNCATED_RESPONSE);
}

function answersFor(question: dns.Question, answer: Extract<DnsAnswer, { kind: "found" }>): dns.Answer[] {
  const { name, type } = question;
  const alias: dns.Answer[] = answer.alias === undefined ? [] : [{ type: "CNAME", name, ttl: TTL, data: answer.alias }];
  const owner = answer.alias ?? name;
  const addresses: dns.Answer[] = answer.addresses.map((data) => ({ type: "A", name: owner, ttl: TTL, data }));
  // A name that exists but has nothing of the type asked for (AAAA here) is answered empty, not as unknown.
  return type === "A" ? [...alias, ...addresses] : alias;
}

async function listenTcp(
  address: string,
  resolve: (name: string) => DnsAnswer,
): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setTimeout(10_000, () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    socket.once("error", () => socket.destroy());
    answerStream(socket, resolve);
  });
  const { promise, resolve: listening, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(0, address, listening);
  await promise;
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the DNS server has no port");
  return {
    port: bound.port,
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of sockets) socket.destroy();
      await closed.promise;
    },
  };
}

/** Over TCP each message follows its length in two bytes. */
function answerStream(socket: Socket, resolve: (name: string) => DnsAnswer): void {
  let pending = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const answer = answerQuery(pending.subarray(2, end), resolve);
      pending = pending.subarray(end);
      if (answer === undefined) {
        socket.destroy();
        return;
      }
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    }
  });
}

async function listenUdp(
  address: string,
  { port, resolve }: { port: number; resolve: (name: string) => DnsAnswer },
): Promise<{ close: () => Promise<void> } | undefined> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const answer = answerQuery(query, resolve, UDP_LIMIT);
    if (answer !== undefined) socket.send(answer, from.port, from.address);
  });
  const { promise, resolve: settle, reject } = Promise.withResolvers<boolean>();
  socket.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") settle(false);
    else reject(error);
  });
  socket.bind(port, address, () => settle(true));
  if (!(await promise)) return undefined;
  // A datagram that cannot be sent is lost like any other; the client asks again.
  socket.on("error", () => {});
  return {
    close() {
      const closed = Promise.withResolvers<void>();
      socket.close(() => closed.resolve());
      return closed.promise;
    },
  };
}
