import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type ListeningServer, listen } from "../../shared/shell/listening-server.ts";
import type { ListenAddress } from "../config.ts";

/** What a page answers: JSON for a value, or text of a type. */
export type AdminAnswer =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: number; readonly text: string; readonly contentType: string };

/** Path → what it is for, and its answer. The index at /debug is made of this table. */
export type AdminPages = Readonly<
  Record<string, { readonly about: string; readonly answer: () => AdminAnswer | Promise<AdminAnswer> }>
>;

/** Health, metrics and readable state over plain HTTP, for GET only. */
export function startAdminServer(address: ListenAddress, pages: AdminPages): Promise<ListeningServer> {
  return listen(
    createServer((request, response) => void serve(pages, request, response)),
    address,
  );
}

async function serve(pages: AdminPages, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await answerTo(pages, request);
  response.statusCode = answer.status;
  const [type, body] =
    "json" in answer
      ? ["application/json", `${JSON.stringify(answer.json, undefined, 2)}\n`]
      : [answer.contentType, answer.text];
  response.setHeader("content-type", type);
  response.end(body);
}

async function answerTo(pages: AdminPages, request: IncomingMessage): Promise<AdminAnswer> {
  if (request.method !== "GET") return { status: 405, json: { error: "only GET" } };
  const [path = "/"] = (request.url ?? "/").split("?");
  if (path === "/debug" || path === "/") return index(pages);
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return { status: 404, json: { error: `no page ${path}`, pages: Object.keys(pages) } };
  try {
    return await page.answer();
  } catch (error) {
    return { status: 500, json: { error: String(error) } };
  }
}

function index(pages: AdminPages): AdminAnswer {
  const width = Math.max(...Object.keys(pages).map((path) => path.length));
  const lines = Object.entries(pages).map(([path, { about }]) => `${path.padEnd(width)}  ${about}`);
  return { status: 200, text: `Weft gateway\n\n${lines.join("\n")}\n`, contentType: "text/plain; charset=utf-8" };
}
