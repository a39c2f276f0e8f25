/** JSON patch (RFC 6902). */
import { ApiError, badRequest } from "../api-error.ts";
import { isRecord, type JsonRecord, sameJson } from "../json.ts";

type Container = JsonRecord | unknown[];

const unescape = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");

function tokensOf(pointer: unknown): string[] {
  if (typeof pointer !== "string" || (pointer !== "" && !pointer.startsWith("/"))) {
    throw unfit();
  }
  return pointer.split("/").slice(1).map(unescape);
}

/** The patch does not fit the document, or is none; the real one does not say more, either. */
function unfit(): ApiError {
  const message = "the server rejected our request due to an error in our request";
  return new ApiError({ code: 422, reason: "Invalid", message, details: {} });
}

function child(parent: unknown, token: string): unknown {
  if (Array.isArray(parent)) return /^\d+$/.test(token) ? parent[Number(token)] : undefined;
  return isRecord(parent) ? parent[token] : undefined;
}

function read(document: unknown, pointer: string): unknown {
  const value = tokensOf(pointer).reduce(child, document);
  if (value === undefined) throw unfit();
  return value;
}

function parentOf(document: unknown, pointer: string): { parent: Container; last: string } {
  const tokens = tokensOf(pointer);
  const last = tokens.pop();
  const parent = tokens.reduce(child, document);
  if (last === undefined || !(isRecord(parent) || Array.isArray(parent))) throw unfit();
  return { parent, last };
}

function indexOf(token: string, limit: number): number {
  const index = Number(token);
  if (!/^\d+$/.test(token) || index > limit) throw unfit();
  return index;
}

function add(document: unknown, pointer: string, value: unknown): void {
  const { parent, last } = parentOf(document, pointer);
  if (!Array.isArray(parent)) parent[last] = value;
  else if (last === "-") parent.push(value);
  else parent.splice(indexOf(last, parent.length), 0, value);
}

function remove(document: unknown, pointer: string): void {
  const { parent, last } = parentOf(document, pointer);
  if (Array.isArray(parent)) {
    parent.splice(indexOf(last, parent.length - 1), 1);
  } else {
    if (!(last in parent)) throw unfit();
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
  if (!isRecord(operation)) throw unfit();
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
      if (!sameJson(read(document, path), value)) throw unfit();
      return;
    default:
      throw unfit();
  }
}

/** The document with all operations applied, in order; it is left as it was when one fails. Throws ApiError. */
export function jsonPatch(document: JsonRecord, operations: unknown): JsonRecord {
  if (!Array.isArray(operations)) {
    const found = isRecord(operations) ? "object" : typeof operations;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${found} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  const copy = structuredClone(document);
  for (const operation of operations) applyOperation(copy, operation);
  return copy;
}
