import { typeUrls } from "../xds/resource.ts";
import type { ViewResource } from "./view.ts";

/**
 * The two discovery responses by hand (spec/xds.md §1.4), around bytes that were encoded when they were compiled. Field numbers:
 * envoy/service/discovery/v3/discovery.proto.
 */

const lengthDelimited = 2;

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
