/** From a request's body to an object of the target's kind. */
import { badRequest, invalid } from "../api-error.ts";
import { at, ensureRecord, isRecord, type JsonRecord, scalarText } from "../json.ts";
import { apiVersionOf, type Kind } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";
import { DecodeError, decodeBuiltIn } from "../schema/decode.ts";
import { applyDefaults } from "../schema/default.ts";
import { prune } from "../schema/prune.ts";
import { objectMetaName } from "../schema/schema.ts";
import type { WriteOptions } from "./write-options.ts";

/** Does what the request wants done about fields that the schema does not know. */
function reportUnknown(removed: readonly string[], kind: Kind, options: WriteOptions): void {
  if (removed.length === 0 || options.fieldValidation === "Ignore") return;
  const texts = [...removed].sort().map((path) => `unknown field "${path}"`);
  if (options.fieldValidation === "Warn") {
    for (const text of texts) options.warn(text);
    return;
  }
  const fault = `strict decoding error: ${texts.join(", ")}`;
  throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${fault}`);
}

function decodeTyped(object: JsonRecord, kind: Kind): JsonRecord {
  try {
    const schema = kind.custom ? { type: "object", properties: { metadata: { $ref: objectMetaName } } } : kind.schema;
    return decodeBuiltIn(object, schema) as JsonRecord;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const why = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${error.message}`;
    throw badRequest(why);
  }
}

/** Empty lists and maps of metadata are left out, as they mean the same as missing ones. */
function dropEmptyMetadata(object: JsonRecord): void {
  const metadata = ensureRecord(object, "metadata");
  for (const field of ["labels", "annotations", "finalizers", "ownerReferences"]) {
    const value = metadata[field];
    if (typeof value === "object" && value !== null && Object.keys(value).length === 0) delete metadata[field];
  }
}

/** Custom kinds are not guessed from the path. */
function checkNamed(body: JsonRecord, kind: Kind): void {
  const missing = ["kind", "apiVersion"].find((field) => !body[field]);
  if (missing === undefined) return;
  const text = JSON.stringify(body);
  const word = missing === "kind" ? "Kind" : missing;
  throw badRequest(
    `the object provided is unrecognized (must be of type ${kind.kind}): Object '${word}' is missing in '${text}' (${text.slice(0, 30)} ...)`,
  );
}

/**
 * The body as an object of the kind, in the kind's version: unknown fields removed, defaults of a custom kind's schema
 * filled in. It is a copy that may be changed.
 *
 * @throws ApiError when it is of another kind, or cannot be read
 */
export function decodeObject(body: unknown, kind: Kind, options: WriteOptions): KubernetesObject {
  if (!isRecord(body)) throw badRequest("the request's body must be an object");
  const apiVersion = apiVersionOf(kind);
  if (kind.custom) checkNamed(body, kind);
  const given = body["apiVersion"] ?? apiVersion;
  if (given !== apiVersion) {
    const why = `the API version in the data (${scalarText(given)}) does not match the expected API version (${apiVersion})`;
    throw badRequest(why);
  }
  const givenKind = body["kind"] ?? kind.kind;
  if (givenKind !== kind.kind) {
    const name = scalarText(givenKind);
    if (!kind.custom)
      throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): found kind ${name}`);
    const detail = `Invalid value: ${JSON.stringify(name)}: must be ${kind.kind}`;
    const fault = { field: "kind", type: "FieldValueInvalid", detail } as const;
    throw invalid({ ...kind, kind: name }, scalarText(at(body, "metadata", "name")), [fault]);
  }
  if (body["metadata"] !== undefined && !isRecord(body["metadata"])) {
    throw badRequest("metadata must be an object");
  }
  const whole = { ...body, apiVersion, kind: kind.kind, metadata: body["metadata"] ?? {} };
  const { object, removed } = prune(whole, kind.schema, { dropNull: !kind.custom });
  reportUnknown(removed, kind, options);
  const decoded = structuredClone(decodeTyped(object, kind));
  dropEmptyMetadata(decoded);
  if (kind.custom) applyDefaults(decoded, kind.schema);
  return decoded as unknown as KubernetesObject;
}
