/** POST, PUT, PATCH and DELETE. */
import { parse as parseYaml } from "yaml";
import { badRequest, invalid, methodNotAllowed, unsupportedMediaType } from "../api-error.ts";
import { at, isRecord, recordOf } from "../json.ts";
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

function fieldValidation(query: URLSearchParams): WriteOptions["fieldValidation"] {
  const wanted = query.get("fieldValidation") || "Warn";
  if (wanted === "Ignore" || wanted === "Warn" || wanted === "Strict") return wanted;
  throw badRequest(
    `fieldValidation: Unsupported value: ${JSON.stringify(wanted)}: supported values: "Ignore", "Strict", "Warn"`,
  );
}

function isDryRun(query: URLSearchParams): boolean {
  const wanted = query.getAll("dryRun");
  if (wanted.some((each) => each !== "All")) {
    throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(wanted[0])}: supported values: "All"`);
  }
  return wanted.length > 0;
}

function writeOptions({ query, request, warnings }: Call): WriteOptions {
  // Without a name of its own a client is known by the first word of its User-Agent.
  const agent = request.headers["user-agent"]?.split("/")[0] || defaultManager;
  return {
    dryRun: isDryRun(query),
    fieldManager: query.get("fieldManager") || agent,
    fieldValidation: fieldValidation(query),
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

function deleteOptions({ query }: Call, body: unknown): DeleteOptions {
  const fields = recordOf(body);
  const seconds = fields["gracePeriodSeconds"] ?? query.get("gracePeriodSeconds") ?? undefined;
  const propagation = fields["propagationPolicy"] ?? query.get("propagationPolicy") ?? "Background";
  if (propagation !== "Background" && propagation !== "Foreground" && propagation !== "Orphan") {
    throw badRequest(`propagationPolicy: Unsupported value: ${JSON.stringify(propagation)}`);
  }
  const uid = at(fields, "preconditions", "uid");
  const resourceVersion = at(fields, "preconditions", "resourceVersion");
  const dryRun = Array.isArray(fields["dryRun"]) && fields["dryRun"].includes("All");
  return {
    gracePeriodSeconds: seconds === undefined || seconds === null ? undefined : Number(seconds),
    propagation,
    uid: typeof uid === "string" ? uid : undefined,
    resourceVersion: typeof resourceVersion === "string" ? resourceVersion : undefined,
    dryRun: dryRun || isDryRun(query),
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
  answer(call, 200, { kind: listKind, apiVersion, metadata, items: items.map((stored) => kind.fromStored(stored)) });
}
