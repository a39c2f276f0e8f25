import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { CosmosError, internalError, tooLarge } from "../store/cosmos-error.ts";
import { refusedCharge } from "../store/request-units.ts";
import type { WireReply, WireRequest } from "./exchange.ts";
import { route, sessionHeaders } from "./route.ts";
import type { ServerContext } from "./server-context.ts";

/** Largest body that is read at all, bytes; routes have limits of their own below it. */
const maxBodyBytes = 8 * 1024 * 1024;

/** Handles the requests of a node:http or node:https server. */
export function createListener(server: ServerContext): (message: IncomingMessage, response: ServerResponse) => void {
  return (message, response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBodyBytes) chunks.push(chunk);
    });
    message.on("end", () => {
      const body = length <= maxBodyBytes ? Buffer.concat(chunks) : undefined;
      send(response, answer(message, body, server));
    });
    message.on("error", () => response.destroy());
  };
}

function answer(message: IncomingMessage, body: Buffer | undefined, server: ServerContext): WireReply {
  const activityId = randomUUID();
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
    reply = route(request, server);
  } catch (error) {
    reply = toErrorReply(error, activityId);
  }
  const common = {
    "content-type": "application/json",
    "x-ms-activity-id": activityId,
    "x-ms-version": "2020-07-15",
    "x-ms-gatewayversion": "version=2.14.0",
  };
  return { ...reply, headers: { ...common, ...sessionHeaders(request, server), ...reply.headers } };
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

/** The only place where a refusal becomes an answer. What is not a refusal is a fault of ours: 500. */
function toErrorReply(error: unknown, activityId: string): WireReply {
  const refusal =
    error instanceof CosmosError
      ? error
      : internalError(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return {
    status: refusal.status,
    headers: {
      "x-ms-request-charge": String(refusedCharge),
      ...(refusal.substatus === undefined ? {} : { "x-ms-substatus": String(refusal.substatus) }),
    },
    body: {
      code: refusal.code,
      message: `Message: ${JSON.stringify({ Errors: [refusal.message] })}\r\nActivityId: ${activityId}`,
    },
  };
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
