import { readFileSync } from "node:fs";
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** Envoy's API as generated: a reader and writer that shares nothing with the encoders of the mesh. */
const messageRegistry = createFileRegistry(
  fromBinary(
    FileDescriptorSetSchema,
    readFileSync(new URL("../../shared/core/xds/gen/descriptors.binpb", import.meta.url)),
  ),
);

/** By full name, or by the URL of an Any. Throws for a type that the API does not have. */
export function messageSchema(type: string): DescMessage {
  const name = type.slice(type.lastIndexOf("/") + 1);
  const schema = messageRegistry.getMessage(name);
  if (schema === undefined) throw new Error(`no message type ${name}`);
  return schema;
}

/** A message as canonical protobuf JSON, with every Any inside it opened. Throws on bytes that do not fit the type. */
export function decodeMessage(type: string, body: Uint8Array): JsonValue {
  const schema = messageSchema(type);
  return toJson(schema, fromBinary(schema, body), { registry: messageRegistry });
}

/** The reverse of decodeMessage; fields in the order of their numbers. */
export function encodeMessage(type: string, json: JsonValue): Uint8Array {
  const schema = messageSchema(type);
  return toBinary(schema, fromJson(schema, json, { registry: messageRegistry }));
}
