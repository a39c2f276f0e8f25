/** POST, PUT, PATCH and DELETE. */
import { parse as parseYaml } from "yaml";
import { type ApiError, type Fault, invalid, methodNotAllowed, unsupportedMediaType } from "../api-error.ts";
import { at, isRecord, recordOf } from "../json.ts";
import type { Kind } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";
import { createObject } from "../operations/create.ts";
import { type DeleteOptions, deleteObject } from "../operations/delete.ts";
import { type PatchType, patchObject, patchTypes } from "../operations/patch.ts";
import { updateObject } from "../operations/update.ts";
import type { Target, WriteOptions } from "../operations/write-options.ts";
import type { World } from "../world.ts";
import { answer, type Call, parseBody } from "./call.ts";
import { isTrue, parseSelection } from "./selection.ts";

const defaultManager = "unknown";

const optionKinds: Readonly<Record<string, string>> = {
  POST: "CreateOptions",
  PUT: "UpdateOptions",
  PATCH: "PatchOptions",
  DELETE: "DeleteOptions",
};

/** An option of a write that is not what it may be. */
function optionFault({ request }: Call, field: string, fault: Omit<Fault, "field">): ApiError {
  const kind = optionKinds[request.method ?? ""] ?? "CreateOptions";
  return invalid({ group: "meta.k8s.io", plural: kind.toLowerCase(), kind }, "", [{ field, ...fault }]);
}

const unsupported = (value: unknown, supported: readonly string[]): Omit<Fault, "field"> => ({
  type: "FieldValueNotSupported",
  detail: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((each) => JSON.stringify(each)).join(", ")}`,
});

function fieldValidation(call: Call): WriteOptions["fieldValidation"] {
  const wanted = call.query.get("fieldValidation") || "Warn";
  if (wanted === "Ignore" || wanted === "Warn" || wanted === "Strict") return wanted;
  throw optionFault(call, "fieldValidation", unsupported(wanted, ["", "Ignore", "Strict", "Warn"]));
}

function isDryRun(call: Call): boolean {
  const wanted = call.query.getAll("dryRun");
  if (wanted.some((each) => each !== "All")) throw optionFault(call, "dryRun", unsupported(wanted, ["All"]));
  return wanted.length > 0;
}

const longestManager = 128;

function writeOptions(call: Call): WriteOptions {
  const { query, request, warnings } = call;
  // Without a name of its own a client is known by the first word of its User-Agent.
  const agent = request.headers["user-agent"]?.split("/")[0] || defaultManager;
  const manager = query.get("fieldManager") ?? "";
  if (manager.length > longestManager) {
    const detail = `Too long: may not be more than ${longestManager} bytes`;
    throw optionFault(call, "fieldManager", { type: "FieldValueTooLong", detail });
  }
  return {
    dryRun: isDryRun(call),
    fieldManager: manager || agent.slice(0, longestManager),
    fieldValidation: fieldValidation(call),
    force: isTrue(query, "force"),
    warn: (text) => warnings.push(text),
  };
}

/** An object just written, in the order in which people read one. */
function answerWritten(call: Call, code: number, object: KubernetesObject): void {
  const { kind, apiVersion, metadata, ...rest } = object;
  answer(call, code, { kind, apiVersion, metadata, ...rest });
}

const contentType = ({ request }: Call): string => request.headers["content-type"] ?? "application/json";

function readObject(call: Call, body: Buffer): unknown {
  const type = contentType(call);
  if (!["json", "yaml", "kubernetes.protobuf"].some((each) => type.includes(each)) && body.length > 0) {
    throw unsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
    );
  }
  return parseBody(body, type);
}

export function handleCreate(world: World, call: Call, { target, body }: { target: Target; body: Buffer }): void {
  const object = createObject(world, target, { body: readObject(call, body), options: writeOptions(call) });
  answerWritten(call, 201, object);
}

export function handleUpdate(world: World, call: Call, { target, body }: { target: Target; body: Buffer }): void {
  const { object, created } = updateObject(world, target, {
    body: readObject(call, body),
    options: writeOptions(call),
  });
  answerWritten(call, created ? 201 : 200, object);
}

export function handlePatch(world: World, call: Call, { target, body }: { target: Target; body: Buffer }): void {
  const [named = ""] = contentType(call).split(";");
  const type: PatchType | undefined = patchTypes.find((each) => each === named.trim());
  if (type === undefined) {
    const accepted = patchTypes.filter((each) => !target.kind.custom || !each.includes("strategic"));
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
    );
  }
  const options = writeOptions(call);
  const applying = type === "application/apply-patch+yaml";
  if (applying && !call.query.get("fieldManager")) {
    const patchOptions = { group: "meta.k8s.io", plural: "patchoptions", kind: "PatchOptions" };
    const detail = "Required value: is required for apply patch";
    throw invalid(patchOptions, "", [{ field: "fieldManager", type: "FieldValueRequired", detail }]);
  }
  const patch = applying ? (parseYaml(body.toString("utf8")) as unknown) : parseBody(body, "application/json");
  const { object, created } = patchObject(world, target, { type, patch, options });
  answerWritten(call, created ? 201 : 200, object);
}

function deleteOptions(call: Call, body: unknown): DeleteOptions {
  const { query } = call;
  const fields = recordOf(body);
  const seconds = fields["gracePeriodSeconds"] ?? query.get("gracePeriodSeconds") ?? undefined;
  const propagation = fields["propagationPolicy"] ?? query.get("propagationPolicy") ?? "Background";
  if (propagation !== "Background" && propagation !== "Foreground" && propagation !== "Orphan") {
    const fault = unsupported(propagation, ["Foreground", "Background", "Orphan", "nil"]);
    throw optionFault(call, "propagationPolicy", fault);
  }
  const uid = at(fields, "preconditions", "uid");
  const resourceVersion = at(fields, "preconditions", "resourceVersion");
  const dryRun = Array.isArray(fields["dryRun"]) && fields["dryRun"].includes("All");
  return {
    gracePeriodSeconds: seconds === undefined || seconds === null ? undefined : Number(seconds),
    propagation,
    uid: typeof uid === "string" ? uid : undefined,
    resourceVersion: typeof resourceVersion === "string" ? resourceVersion : undefined,
    dryRun: dryRun || isDryRun(call),
  };
}

export function handleDelete(world: World, call: Call, { target, body }: { target: Target; body: Buffer }): void {
  const options = deleteOptions(call, readObject(call, body));
  if (target.name !== undefined) {
    const result = deleteObject(world, target, options);
    if (isRecord(result) && "metadata" in result && result.kind !== "Status")
      answerWritten(call, 200, result as KubernetesObject);
    else answer(call, 200, result);
    return;
  }
  deleteMany(world, call, { target, options });
}

/** Items of built-in kinds come without kind and apiVersion. */
function asItem(kind: Kind, stored: KubernetesObject): object {
  const object = kind.fromStored(stored);
  if (kind.custom) return object;
  const { kind: _, apiVersion: __, ...rest } = object;
  return rest;
}

function deleteMany(world: World, call: Call, { target, options }: { target: Target; options: DeleteOptions }): void {
  const { kind, namespace } = target;
  if (!kind.verbs.includes("deletecollection")) throw methodNotAllowed();
  const selection = parseSelection(target, call.query);
  const items = world.store.list(kind.collection, namespace).filter((stored) => selection.matches(stored));
  for (const { metadata } of items) {
    deleteObject(world, { ...target, namespace: metadata.namespace, name: metadata.name }, options);
  }
  const metadata = { resourceVersion: String(world.store.revision) };
  const { group, version, listKind } = kind;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  answer(call, 200, { kind: listKind, apiVersion, metadata, items: items.map((stored) => asItem(kind, stored)) });
}
