import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { AnswerLost } from "../core/answer-lost.ts";
import type { CosmosCore } from "../core/cosmos-core.ts";
import { CosmosError, internalError, tooLarge } from "../store/cosmos-error.ts";
import type { WireReply, WireRequest } from "./exchange.ts";
import { toRefusal } from "./refusal.ts";
import { pathHeaders, route } from "./route.ts";

/** Largest body that is read at all, bytes; routes have limits of their own below it. */
const maxBodyBytes = 8 * 1024 * 1024;

/** Handles the requests of a node:http or node:https server. */
export function createListener(core: CosmosCore): (message: IncomingMessage, response: ServerResponse) => void {
  return (message, response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBodyBytes) chunks.push(chunk);
    });
    message.on("end", () => {
      const body = length <= maxBodyBytes ? Buffer.concat(chunks) : undefined;
      const reply = answer(message, body, core);
      if (reply instanceof AnswerLost) lose(response, reply);
      else send(response, reply);
    });
    message.on("error", () => response.destroy());
  };
}

function answer(message: IncomingMessage, body: Buffer | undefined, core: CosmosCore): WireReply | AnswerLost {
  const request: WireRequest = {
    method: message.method ?? "GET",
    segments: parseSegments(message.url ?? "/"),
    headers: message.headers,
    body: body ?? Buffer.alloc(0),
    secure: "encrypted" in message.socket,
  };
  let reply: WireReply;
  try {
    if (body === undefined) throw tooLarge();
    reply = route(request, core);
  } catch (error) {
    if (error instanceof AnswerLost) return error;
    reply = toRefusal(error instanceof CosmosError ? error : faultOfOurs(error));
  }
  const common = {
    "content-type": "application/json",
    "x-ms-activity-id": randomUUID(),
    "x-ms-version": "2020-07-15",
    "x-ms-gatewayversion": "version=2.14.0",
  };
  return { ...reply, headers: { ...common, ...pathHeaders(request, core), ...reply.headers } };
}

function parseSegments(url: string): readonly string[] {
  const [path = "/"] = url.split("?");
  return path
    .split("/")
    .filter((segment) => segment !== "")
    .map((segment) => {
      try {
        return decodeURIComponent(segment);
      } catch {
        return segment;
      }
    });
}

/** What is not a refusal is a fault of the stand-in: 500. */
function faultOfOurs(error: unknown): CosmosError {
  return internalError(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

/** Breaks the connection without an answer, after the time that it is held in silence. */
function lose(response: ServerResponse, { milliseconds }: AnswerLost): void {
  const timer = setTimeout(() => response.destroy(), milliseconds);
  timer.unref();
  response.once("close", () => clearTimeout(timer));
}

function send(response: ServerResponse, reply: WireReply): void {
  if (reply.body === undefined) {
    response.writeHead(reply.status, {
      ...reply.headers,
      ...(reply.status === 304 || reply.status === 204 ? {} : { "content-length": "0" }),
    });
    response.end();
    return;
  }
  const text = Buffer.from(JSON.stringify(reply.body));
  response.writeHead(reply.status, { ...reply.headers, "content-length": String(text.length) });
  response.end(text);
}
