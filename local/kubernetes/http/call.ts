/** One request, read and authenticated, and the ways to answer it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { parse as parseYaml } from "yaml";
import { ApiError, badRequest, type Status, unavailable } from "../api-error.ts";
import { decodeProtobuf, protobufType } from "../protobuf/decode-message.ts";
import type { User } from "../tokens/token-review.ts";

const largestBody = 3 * 1024 * 1024;

export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly query: URLSearchParams;
  readonly user: User;
  /** Texts for Warning headers of the answer. */
  readonly warnings: string[];
  /** A fault keeps the answer back: the connection breaks, or something else is answered. */
  readonly lost?: "answer" | 500 | 504 | undefined;
  /** A fault lets the watch begin too late. */
  readonly expired?: boolean;
}

/** The request's body; empty when there is none. Throws RequestEntityTooLarge. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > largestBody) {
      const message = `Request entity too large: limit is ${largestBody}`;
      throw new ApiError({ code: 413, reason: "RequestEntityTooLarge", message });
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** The body's value: protobuf or YAML for such a type, else JSON. An empty body is undefined. Throws BadRequest. */
export function parseBody(body: Buffer, contentType: string): unknown {
  if (body.length === 0) return undefined;
  if (contentType.includes(protobufType)) return decodeProtobuf(body);
  const text = body.toString("utf8");
  try {
    return contentType.includes("yaml") ? (parseYaml(text) as unknown) : (JSON.parse(text) as unknown);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Body {
  readonly text: string;
  readonly contentType: string;
}

/** Answers with a text that is JSON already. */
export function answerText(call: Call, code: number, body: Body): void {
  const { response, warnings, lost } = call;
  if (lost === "answer") response.destroy();
  else if (lost !== undefined) answerError({ ...call, lost: undefined }, unavailable(lost).status);
  else send({ response, warnings }, code, body);
}

function send({ response, warnings }: Pick<Call, "response" | "warnings">, code: number, body: Body): void {
  for (const warning of warnings) response.appendHeader("Warning", `299 - ${JSON.stringify(warning)}`);
  response.writeHead(code, {
    "Content-Type": body.contentType,
    "Content-Length": Buffer.byteLength(body.text),
    "Cache-Control": "no-cache, private",
  });
  response.end(body.text);
}

/** Answers with a Status, and with when to come again if it says so. */
export function answerError(call: Call, status: Status): void {
  const seconds = status.details?.retryAfterSeconds;
  if (seconds !== undefined) call.response.setHeader("Retry-After", String(seconds));
  answer(call, status.code ?? 500, status);
}

export function answer(call: Call, code: number, value: unknown): void {
  answerText(call, code, { text: `${JSON.stringify(value)}\n`, contentType: "application/json" });
}
