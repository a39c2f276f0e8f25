/**
 * Reading the bodies that clients written in Go send as protobuf (`application/vnd.kubernetes.protobuf`).
 *
 * Answers are always JSON, which these clients accept too.
 */
import { readFileSync } from "node:fs";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { badRequest } from "../api-error.ts";
import { isRecord, type JsonRecord, recordOf } from "../json.ts";
import { timestamp } from "../object.ts";
import { coreSchemas } from "../schema/schema.ts";

export const protobufType = "application/vnd.kubernetes.protobuf";

interface Field {
  readonly label: "map" | "repeated" | "optional";
  readonly name: string;
  readonly type: string;
}

const messages: Readonly<Record<string, Readonly<Record<string, string>>>> = JSON.parse(
  readFileSync(new URL("../gen/core-messages.json", import.meta.url), "utf8"),
);

function fieldOf(message: string, number: number): Field | undefined {
  const text = messages[message]?.[String(number)];
  if (text === undefined) return undefined;
  const parts = text.split(" ");
  const type = parts.at(-1) ?? "";
  const name = jsonName(message, parts.at(-2) ?? "");
  return { label: parts.length < 3 ? "optional" : parts[0] === "map" ? "map" : "repeated", name, type };
}

/** Protobuf names follow Go's ("uID", "podIPs"), so they may differ from JSON's in the case of letters. */
function jsonName(message: string, name: string): string {
  const properties = coreSchemas[message]?.properties ?? {};
  if (properties[name] !== undefined) return name;
  return Object.keys(properties).find((property) => property.toLowerCase() === name.toLowerCase()) ?? name;
}

function readScalar(reader: BinaryReader, type: string): unknown {
  switch (type) {
    case "string":
      return reader.string();
    case "bytes":
      return Buffer.from(reader.bytes()).toString("base64");
    case "bool":
      return reader.bool();
    case "double":
      return reader.double();
    case "int32":
      return reader.int32();
    default:
      return Number(reader.int64());
  }
}

const metav1 = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** Types whose JSON is not a record of their fields. */
const special: Readonly<Record<string, (fields: JsonRecord) => unknown>> = {
  [`${metav1}.Time`]: ({ seconds }) => (seconds === undefined ? undefined : timestamp(Number(seconds) * 1000)),
  [`${metav1}.MicroTime`]: ({ seconds, nanos }) => {
    if (seconds === undefined) return undefined;
    const micros = String(Math.floor(Number(nanos ?? 0) / 1000)).padStart(6, "0");
    return timestamp(Number(seconds) * 1000).replace("Z", `.${micros}Z`);
  },
  [`${metav1}.FieldsV1`]: ({ Raw }) => JSON.parse(Buffer.from(String(Raw), "base64").toString("utf8")) as unknown,
  "io.k8s.apimachinery.pkg.api.resource.Quantity": ({ string }) => string,
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ({ type, intVal, strVal }) => (type ? strVal : (intVal ?? 0)),
  "io.k8s.api.authentication.v1.ExtraValue": ({ items }) => items ?? [],
  "io.k8s.api.authorization.v1.ExtraValue": ({ items }) => items ?? [],
};

/** Go writes fields that are not set as zero values; in JSON they are left out. */
const isZero = (value: unknown): boolean =>
  value === undefined ||
  value === "" ||
  value === 0 ||
  value === false ||
  (isRecord(value) && Object.keys(value).length === 0);

function readValue(reader: BinaryReader, type: string): unknown {
  return messages[type] === undefined ? readScalar(reader, type) : readMessage(reader.bytes(), type);
}

function readMapEntry(bytes: Uint8Array, type: string): readonly [string, unknown] {
  const reader = new BinaryReader(bytes);
  let key = "";
  let value: unknown = type === "string" || type === "bytes" ? "" : undefined;
  while (reader.pos < reader.len) {
    const [number] = reader.tag();
    if (number === 1) key = reader.string();
    else value = readValue(reader, type);
  }
  return [key, value];
}

function put(fields: JsonRecord, message: string, { label, name, type }: Field, reader: BinaryReader): void {
  if (label === "map") {
    const [key, value] = readMapEntry(reader.bytes(), type);
    fields[name] = { ...recordOf(fields[name]), [key]: value };
    return;
  }
  const value = readValue(reader, type);
  if (label === "repeated") {
    const present = fields[name];
    fields[name] = [...(Array.isArray(present) ? present : []), value];
    return;
  }
  if (isZero(value)) return;
  const declared = coreSchemas[message]?.properties;
  // Go embeds some structs, whose fields lie beside those of the struct around them in JSON.
  if (isRecord(value) && declared !== undefined && declared[name] === undefined) Object.assign(fields, value);
  else fields[name] = value;
}

function readMessage(bytes: Uint8Array, message: string): unknown {
  const reader = new BinaryReader(bytes);
  const fields: JsonRecord = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fieldOf(message, number);
    if (field === undefined) reader.skip(wireType);
    else put(fields, message, field, reader);
  }
  const convert = special[message];
  return convert === undefined ? fields : convert(fields);
}

interface Envelope {
  apiVersion: string;
  kind: string;
  raw: Uint8Array;
}

const magic = Buffer.from("k8s\0");

/** runtime.Unknown: which kind it is, and the message itself. */
function readEnvelope(body: Buffer): Envelope {
  const envelope: Envelope = { apiVersion: "", kind: "", raw: new Uint8Array() };
  const reader = new BinaryReader(body.subarray(magic.length));
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 2) {
      envelope.raw = reader.bytes();
    } else if (number === 1 && wireType === WireType.LengthDelimited) {
      const type = new BinaryReader(reader.bytes());
      while (type.pos < type.len) {
        const [part] = type.tag();
        if (part === 1) envelope.apiVersion = type.string();
        else envelope.kind = type.string();
      }
    } else {
      reader.skip(wireType);
    }
  }
  return envelope;
}

const kindNames = new Map(
  Object.entries(coreSchemas).flatMap(([name, schema]) =>
    (schema["x-kubernetes-group-version-kind"] ?? []).map(({ group, version, kind }) => [
      `${group === "" ? version : `${group}/${version}`} ${kind}`,
      name,
    ]),
  ),
);

/** The object in a protobuf body, as its JSON. Throws BadRequest. */
export function decodeProtobuf(body: Buffer): JsonRecord {
  if (!body.subarray(0, magic.length).equals(magic)) throw badRequest("the body is not Kubernetes' protobuf");
  const { apiVersion, kind, raw } = readEnvelope(body);
  const name = kind === "DeleteOptions" ? `${metav1}.DeleteOptions` : kindNames.get(`${apiVersion} ${kind}`);
  if (name === undefined || messages[name] === undefined) {
    throw badRequest(`${kind} in version ${JSON.stringify(apiVersion)} is not understood as protobuf; send JSON`);
  }
  return { apiVersion, kind, ...recordOf(readMessage(raw, name)) };
}
