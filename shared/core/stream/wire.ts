import { typeUrls } from "../xds/resource.ts";
import type { ViewResource } from "./view.ts";

/**
 * The four discovery messages by hand (spec/xds.md §1.4): of requests only what is used, since the first one is 61 KB of extensions; responses
 * around bytes that were encoded when they were compiled. Field numbers: envoy/service/discovery/v3/discovery.proto and
 * envoy/config/core/v3/base.proto.
 */

export interface ProxyNode {
  readonly id: string;
  readonly cluster: string;
  /** `major.minor.patch`, or what the proxy calls itself; empty when it does not say. */
  readonly version: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface DeltaRequest {
  /** Only in the first message of a stream. */
  readonly node: ProxyNode | undefined;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: readonly (readonly [name: string, version: string])[];
  readonly nonce: string;
  readonly error: { readonly message: string } | undefined;
}

export interface SotwRequest {
  readonly node: ProxyNode | undefined;
  readonly typeUrl: string;
  readonly names: readonly string[];
  readonly nonce: string;
  readonly error: { readonly message: string } | undefined;
}

/** Throws a RangeError when the bytes are not such a message. */
export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const request = {
    node: undefined as ProxyNode | undefined,
    typeUrl: "",
    subscribe: [] as string[],
    unsubscribe: [] as string[],
    initialVersions: [] as [string, string][],
    nonce: "",
    error: undefined as { message: string } | undefined,
  };
  readFields(bytes, (field, value) => {
    if (field === 1) request.node = decodeNode(asBytes(value));
    else if (field === 2) request.typeUrl = asText(value);
    else if (field === 3) request.subscribe.push(asText(value));
    else if (field === 4) request.unsubscribe.push(asText(value));
    else if (field === 5) request.initialVersions.push(decodeEntry(asBytes(value)));
    else if (field === 6) request.nonce = asText(value);
    else if (field === 7) request.error = decodeStatus(asBytes(value));
  });
  return request;
}

/** Throws a RangeError when the bytes are not such a message. */
export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  const request = {
    node: undefined as ProxyNode | undefined,
    typeUrl: "",
    names: [] as string[],
    nonce: "",
    error: undefined as { message: string } | undefined,
  };
  readFields(bytes, (field, value) => {
    if (field === 2) request.node = decodeNode(asBytes(value));
    else if (field === 3) request.names.push(asText(value));
    else if (field === 4) request.typeUrl = asText(value);
    else if (field === 5) request.nonce = asText(value);
    else if (field === 6) request.error = decodeStatus(asBytes(value));
  });
  return request;
}

export function encodeDeltaResponse(response: {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ViewResource[];
  readonly removed: readonly string[];
}): Buffer {
  const parts: Uint8Array[] = [textField(1, response.version)];
  for (const resource of response.resources) {
    parts.push(deltaPrefix(resource, response.typeUrl), resource.body);
  }
  parts.push(textField(4, response.typeUrl), textField(5, response.nonce));
  for (const name of response.removed) parts.push(textField(6, name));
  return Buffer.concat(parts);
}

export function encodeSotwResponse(response: {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ViewResource[];
}): Buffer {
  const parts: Uint8Array[] = [textField(1, response.version)];
  for (const resource of response.resources) {
    const any = anyPrefix(response.typeUrl, resource.body.length);
    parts.push(bytesHeader(2, any.length + resource.body.length), any, resource.body);
  }
  parts.push(textField(4, response.typeUrl), textField(5, response.nonce));
  return Buffer.concat(parts);
}

const lengthDelimited = 2;

/** What stands before the body in a delta response: made once for a resource, whoever it is sent to. The body itself is last and is shared. */
const deltaPrefixes = new WeakMap<ViewResource, Uint8Array>();

function deltaPrefix(resource: ViewResource, typeUrl: string): Uint8Array {
  const known = deltaPrefixes.get(resource);
  if (known !== undefined) return known;
  const any = anyPrefix(typeUrl, resource.body.length);
  const inner = Buffer.concat([
    textField(1, resource.version),
    textField(3, resource.name),
    bytesHeader(2, any.length + resource.body.length),
    any,
  ]);
  const prefix = Buffer.concat([bytesHeader(2, inner.length + resource.body.length), inner]);
  deltaPrefixes.set(resource, prefix);
  return prefix;
}

/** google.protobuf.Any up to its value. */
function anyPrefix(typeUrl: string, length: number): Uint8Array {
  return Buffer.concat([typeUrlFields.get(typeUrl) ?? textField(1, typeUrl), bytesHeader(2, length)]);
}

const typeUrlFields: ReadonlyMap<string, Uint8Array> = new Map(
  Object.values(typeUrls).map((url) => [url, textField(1, url)]),
);

function textField(field: number, text: string): Uint8Array {
  if (text === "") return new Uint8Array(0);
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([bytesHeader(field, bytes.length), bytes]);
}

function bytesHeader(field: number, length: number): Uint8Array {
  return Uint8Array.from([...varint((field << 3) | lengthDelimited), ...varint(length)]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

type FieldValue = number | Uint8Array;

/** Calls back with every field: numbers for varints and (their low half) fixed ones, bytes for the rest. Groups do not occur in proto3. */
function readFields(bytes: Uint8Array, found: (field: number, value: FieldValue) => void): void {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at];
      if (byte === undefined) throw new RangeError("the message ends within a number");
      at += 1;
      if (shift < 49) value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a number is too long");
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError("the message ends within a field");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (field === 0) throw new RangeError("field number 0");
    if (wireType === 0) found(field, readVarint());
    else if (wireType === 1) found(field, take(8));
    else if (wireType === lengthDelimited) found(field, take(readVarint()));
    else if (wireType === 5) found(field, take(4));
    else throw new RangeError(`wire type ${wireType}`);
  }
}

function asBytes(value: FieldValue): Uint8Array {
  if (typeof value === "number") throw new RangeError("a number where a message is expected");
  return value;
}

function asText(value: FieldValue): string {
  const bytes = asBytes(value);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

function asNumber(value: FieldValue): number {
  if (typeof value !== "number") throw new RangeError("bytes where a number is expected");
  return value;
}

function decodeStatus(bytes: Uint8Array): { message: string } {
  const status = { message: "" };
  readFields(bytes, (field, value) => {
    if (field === 2) status.message = asText(value);
  });
  return status;
}

function decodeEntry(bytes: Uint8Array): [string, string] {
  const entry: [string, string] = ["", ""];
  readFields(bytes, (field, value) => {
    if (field === 1) entry[0] = asText(value);
    else if (field === 2) entry[1] = asText(value);
  });
  return entry;
}

function decodeNode(bytes: Uint8Array): ProxyNode {
  const node = { id: "", cluster: "", version: "", metadata: {} as Readonly<Record<string, unknown>> };
  readFields(bytes, (field, value) => {
    if (field === 1) node.id = asText(value);
    else if (field === 2) node.cluster = asText(value);
    else if (field === 3) node.metadata = decodeStruct(asBytes(value), 0);
    else if (field === 7) node.version = asText(value);
    else if (field === 8) node.version = decodeBuildVersion(asBytes(value));
  });
  return node;
}

/** BuildVersion.version, a SemanticVersion. */
function decodeBuildVersion(bytes: Uint8Array): string {
  const numbers = [0, 0, 0];
  readFields(bytes, (field, value) => {
    if (field !== 1) return;
    readFields(asBytes(value), (part, number) => {
      if (part >= 1 && part <= 3) numbers[part - 1] = asNumber(number);
    });
  });
  return numbers.join(".");
}

/** Deeper values than any proxy sends are a fault of the sender, not a reason to run out of stack. */
const deepest = 16;

/** google.protobuf.Struct as a plain object. */
function decodeStruct(bytes: Uint8Array, depth: number): Readonly<Record<string, unknown>> {
  if (depth > deepest) throw new RangeError("metadata is nested too deeply");
  const fields: [string, unknown][] = [];
  readFields(bytes, (field, value) => {
    if (field !== 1) return;
    let name = "";
    let content: unknown = null;
    readFields(asBytes(value), (part, inner) => {
      if (part === 1) name = asText(inner);
      else if (part === 2) content = decodeValue(asBytes(inner), depth);
    });
    fields.push([name, content]);
  });
  return Object.fromEntries(fields);
}

/** google.protobuf.Value */
function decodeValue(bytes: Uint8Array, depth: number): unknown {
  let result: unknown = null;
  readFields(bytes, (field, value) => {
    if (field === 2) result = asDouble(value);
    else if (field === 3) result = asText(value);
    else if (field === 4) result = asNumber(value) !== 0;
    else if (field === 5) result = decodeStruct(asBytes(value), depth + 1);
    else if (field === 6) result = decodeList(asBytes(value), depth + 1);
  });
  return result;
}

/** google.protobuf.ListValue */
function decodeList(bytes: Uint8Array, depth: number): unknown[] {
  if (depth > deepest) throw new RangeError("metadata is nested too deeply");
  const values: unknown[] = [];
  readFields(bytes, (field, value) => {
    if (field === 1) values.push(decodeValue(asBytes(value), depth));
  });
  return values;
}

function asDouble(value: FieldValue): number {
  const bytes = asBytes(value);
  if (bytes.length !== 8) throw new RangeError("a number that is not eight bytes");
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
}
