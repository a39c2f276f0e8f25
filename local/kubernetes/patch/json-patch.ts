/** JSON patch (RFC 6902). */
import { ApiError, badRequest } from "../api-error.ts";
import { isRecord, type JsonRecord, sameJson } from "../json.ts";

type Container = JsonRecord | unknown[];

const unescape = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");

function tokensOf(pointer: unknown): string[] {
  if (typeof pointer !== "string" || (pointer !== "" && !pointer.startsWith("/"))) {
    throw badRequest(`json patch: ${JSON.stringify(pointer)} is not a path`);
  }
  return pointer.split("/").slice(1).map(unescape);
}

/** The patch is well formed, but the document is not as it expects. */
function unfit(message: string): ApiError {
  return new ApiError({ code: 422, reason: "Invalid", message: `json patch: ${message}`, details: {} });
}

const missing = (pointer: string): ApiError => unfit(`${pointer}: the path does not exist`);

function child(parent: unknown, token: string): unknown {
  if (Array.isArray(parent)) return /^\d+$/.test(token) ? parent[Number(token)] : undefined;
  return isRecord(parent) ? parent[token] : undefined;
}

function read(document: unknown, pointer: string): unknown {
  const value = tokensOf(pointer).reduce(child, document);
  if (value === undefined) throw missing(pointer);
  return value;
}

function parentOf(document: unknown, pointer: string): { parent: Container; last: string } {
  const tokens = tokensOf(pointer);
  const last = tokens.pop();
  const parent = tokens.reduce(child, document);
  if (last === undefined || !(isRecord(parent) || Array.isArray(parent))) throw missing(pointer);
  return { parent, last };
}

function indexOf(list: readonly unknown[], token: string, pointer: string, limit: number): number {
  const index = Number(token);
  if (!/^\d+$/.test(token) || index > limit) throw missing(`${pointer} (of ${list.length} items)`);
  return index;
}

function add(document: unknown, pointer: string, value: unknown): void {
  const { parent, last } = parentOf(document, pointer);
  if (!Array.isArray(parent)) parent[last] = value;
  else if (last === "-") parent.push(value);
  else parent.splice(indexOf(parent, last, pointer, parent.length), 0, value);
}

function remove(document: unknown, pointer: string): void {
  const { parent, last } = parentOf(document, pointer);
  if (Array.isArray(parent)) {
    parent.splice(indexOf(parent, last, pointer, parent.length - 1), 1);
  } else {
    if (!(last in parent)) throw missing(pointer);
    delete parent[last];
  }
}

function replace(document: unknown, pointer: string, value: unknown): void {
  read(document, pointer);
  const { parent, last } = parentOf(document, pointer);
  if (Array.isArray(parent)) parent[Number(last)] = value;
  else parent[last] = value;
}

function applyOperation(document: unknown, operation: unknown): void {
  if (!isRecord(operation)) throw badRequest("json patch: an operation must be an object");
  const path = String(operation["path"]);
  const from = String(operation["from"]);
  const value = structuredClone(operation["value"]);
  switch (operation["op"]) {
    case "add":
      add(document, path, value);
      return;
    case "remove":
      remove(document, path);
      return;
    case "replace":
      replace(document, path, value);
      return;
    case "copy":
      add(document, path, structuredClone(read(document, from)));
      return;
    case "move": {
      const moved = read(document, from);
      remove(document, from);
      add(document, path, moved);
      return;
    }
    case "test":
      if (!sameJson(read(document, path), value)) throw unfit(`testing path ${path} failed`);
      return;
    default:
      throw badRequest(`json patch: unexpected kind: ${String(operation["op"])}`);
  }
}

/** The document with all operations applied, in order; it is left as it was when one fails. Throws BadRequest. */
export function jsonPatch(document: JsonRecord, operations: unknown): JsonRecord {
  if (!Array.isArray(operations)) throw badRequest("json patch: must be a list of operations");
  const copy = structuredClone(document);
  for (const operation of operations) applyOperation(copy, operation);
  return copy;
}
