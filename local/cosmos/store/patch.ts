import { badRequest } from "./cosmos-error.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** Most operations of one patch. */
const maxOperations = 10;

const unpatchable = new Set(["id", "_rid", "_self", "_etag", "_ts", "_attachments"]);

/** One change of a document; `path` is a JSON pointer, split and unescaped. */
export type PatchOperation =
  | { readonly op: "add" | "set" | "replace"; readonly path: readonly string[]; readonly value: Json }
  | { readonly op: "remove"; readonly path: readonly string[] }
  | { readonly op: "incr"; readonly path: readonly string[]; readonly value: number };

export interface Patch {
  readonly operations: readonly PatchOperation[];
  /** Text of the condition, `from c where …`. */
  readonly condition: string | undefined;
}

/** Parses the body of a patch: an array of operations, or `{ operations, condition? }`. */
export function parsePatch(body: Json | undefined): Patch {
  const list = isJsonObject(body) ? body["operations"] : body;
  if (!Array.isArray(list) || list.length === 0) throw badRequest("The patch request has no operations.");
  if (list.length > maxOperations) {
    throw badRequest(`The number of patch operations can't exceed '${maxOperations}'.`);
  }
  const condition = isJsonObject(body) ? body["condition"] : undefined;
  return {
    operations: list.map((operation: Json) => parseOperation(operation)),
    condition: typeof condition === "string" ? condition : undefined,
  };
}

/** The document after the operations; 400 when one does not fit the document. */
export function applyPatch(document: JsonObject, operations: readonly PatchOperation[]): JsonObject {
  let patched: Json = document;
  for (const operation of operations) patched = applyAt(patched, operation.path, operation);
  return patched as JsonObject;
}

function parseOperation(operation: Json): PatchOperation {
  if (!isJsonObject(operation)) throw badRequest("A patch operation must be an object.");
  const { op, path: pointer, value } = operation as { op?: Json; path?: Json; value?: Json };
  if (typeof pointer !== "string" || !pointer.startsWith("/")) throw badRequest("A patch path must begin with '/'.");
  const path = pointer
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (unpatchable.has(path[0] ?? "")) throw badRequest(`The path '${pointer}' cannot be patched.`);
  switch (op) {
    case "add":
    case "set":
    case "replace":
      if (value === undefined) throw badRequest(`The patch operation '${op}' needs a value.`);
      return { op, path, value };
    case "remove":
      return { op, path };
    case "incr":
      if (typeof value !== "number") throw badRequest("The patch operation 'incr' needs a number.");
      return { op, path, value };
    default:
      throw badRequest(`The patch operation '${JSON.stringify(op)}' is not supported.`);
  }
}

function applyAt(parent: Json, path: readonly string[], operation: PatchOperation): Json {
  const [step, ...rest] = path;
  if (step === undefined) throw badRequest("A patch path must not be empty.");
  if (Array.isArray(parent)) {
    if (rest.length === 0) return applyToArray(parent, step, operation);
    const index = arrayIndex(step, parent.length);
    return parent.map((child: Json, at) => (at === index ? applyAt(child, rest, operation) : child));
  }
  if (!isJsonObject(parent)) throw badRequest(`The patch path '/${operation.path.join("/")}' does not exist.`);
  if (rest.length === 0) return applyToObject(parent, step, operation);
  const child = Object.hasOwn(parent, step) ? parent[step] : undefined;
  if (child === undefined) throw badRequest(`The patch path '/${operation.path.join("/")}' does not exist.`);
  return { ...parent, [step]: applyAt(child, rest, operation) };
}

function applyToObject(parent: JsonObject, name: string, operation: PatchOperation): JsonObject {
  const current = Object.hasOwn(parent, name) ? parent[name] : undefined;
  if (current === undefined && (operation.op === "replace" || operation.op === "remove")) {
    throw badRequest(`The patch operation '${operation.op}' needs an existing path: '/${operation.path.join("/")}'.`);
  }
  if (operation.op === "remove") {
    const { [name]: _removed, ...others } = parent;
    return others;
  }
  return { ...parent, [name]: operation.op === "incr" ? add(current ?? 0, operation.value) : operation.value };
}

function applyToArray(parent: readonly Json[], step: string, operation: PatchOperation): Json {
  const appends = step === "-" && (operation.op === "add" || operation.op === "set");
  const limit = operation.op === "add" || operation.op === "set" ? parent.length + 1 : parent.length;
  const index = appends ? parent.length : arrayIndex(step, limit);
  switch (operation.op) {
    case "add":
      return parent.toSpliced(index, 0, operation.value);
    case "set":
    case "replace":
      return parent.toSpliced(index, 1, operation.value);
    case "remove":
      return parent.toSpliced(index, 1);
    case "incr":
      return parent.toSpliced(index, 1, add(parent[index] ?? null, operation.value));
  }
}

function arrayIndex(step: string, limit: number): number {
  const index = /^\d+$/.test(step) ? Number(step) : Number.NaN;
  if (!(index < limit)) throw badRequest(`The array index '${step}' of the patch path is out of range.`);
  return index;
}

function add(current: Json, amount: number): number {
  if (typeof current !== "number") throw badRequest("The patch operation 'incr' needs a number at its path.");
  return current + amount;
}
