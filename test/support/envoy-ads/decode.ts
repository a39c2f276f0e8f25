import { readFileSync } from "node:fs";
import { createFileRegistry, type DescMessage, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** The API as generated; an independent reader of what our encoders write. */
const registry = createFileRegistry(
  fromBinary(
    FileDescriptorSetSchema,
    readFileSync(new URL("../../../shared/core/xds/gen/descriptors.binpb", import.meta.url)),
  ),
);

/** A message as canonical protobuf JSON, with every Any inside it opened. Throws on bytes that do not fit the type. */
export function decode(typeUrl: string, body: Uint8Array): JsonValue {
  const schema = messageType(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  return toJson(schema, fromBinary(schema, body), { registry });
}

function messageType(name: string): DescMessage {
  const schema = registry.getMessage(name);
  if (schema === undefined) throw new Error(`no message type ${name}`);
  return schema;
}
