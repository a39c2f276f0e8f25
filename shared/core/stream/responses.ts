import { typeUrls } from "../xds/resource.ts";
import type { ViewResource } from "./view.ts";

/**
 * The two discovery responses by hand (spec/xds.md §1.4), around bytes that were encoded when they were compiled: measured first, then written once into
 * memory of their own. Field numbers: envoy/service/discovery/v3/discovery.proto.
 */

const lengthDelimited = 2;

export interface DeltaContent {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ViewResource[];
  readonly removed: readonly string[];
}

export function encodeDeltaResponse(response: DeltaContent): Buffer {
  const { version, nonce, resources, removed } = response;
  const typeUrl = textOf(response.typeUrl);
  let size = textSize(version) + textSize(typeUrl) + textSize(nonce);
  for (const resource of resources) size += fieldSize(deltaResourceSize(resource, typeUrl));
  for (const name of removed) size += textSize(name);
  const out = new Output(size);
  out.text(1, version);
  for (const resource of resources) {
    out.header(2, deltaResourceSize(resource, typeUrl));
    out.text(1, resource.version);
    out.text(3, resource.name);
    out.any(typeUrl, resource.body);
  }
  out.text(4, typeUrl);
  out.text(5, nonce);
  for (const name of removed) out.text(6, name);
  return out.bytes;
}

export function encodeSotwResponse(response: Omit<DeltaContent, "removed">): Buffer {
  const { version, nonce, resources } = response;
  const typeUrl = textOf(response.typeUrl);
  let size = textSize(version) + textSize(typeUrl) + textSize(nonce);
  for (const { body } of resources) size += fieldSize(anySize(typeUrl, body));
  const out = new Output(size);
  out.text(1, version);
  for (const { body } of resources) out.any(typeUrl, body);
  out.text(4, typeUrl);
  out.text(5, nonce);
  return out.bytes;
}

/** Text that is in every resource of a response: encoded once. */
type Text = string | Uint8Array;

const encodedUrls: ReadonlyMap<string, Uint8Array> = new Map(
  Object.values(typeUrls).map((url) => [url, new TextEncoder().encode(url)]),
);

function textOf(typeUrl: string): Uint8Array {
  return encodedUrls.get(typeUrl) ?? new TextEncoder().encode(typeUrl);
}

/** All field numbers here take one byte. */
function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function lengthOf(text: Text): number {
  return typeof text === "string" ? Buffer.byteLength(text) : text.length;
}

/** Empty text is not written. */
function textSize(text: Text): number {
  return text.length === 0 ? 0 : fieldSize(lengthOf(text));
}

function anySize(typeUrl: Uint8Array, body: Uint8Array): number {
  return fieldSize(typeUrl.length) + fieldSize(body.length);
}

function deltaResourceSize({ name, version, body }: ViewResource, typeUrl: Uint8Array): number {
  return textSize(version) + textSize(name) + fieldSize(anySize(typeUrl, body));
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

/** Writes what was measured. Not from Node's pool: a part that is kept keeps all of the pool's 64 KB. */
class Output {
  readonly bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  header(field: number, length: number): void {
    this.bytes[this.#at++] = (field << 3) | lengthDelimited;
    let rest = length;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.bytes[this.#at++] = (rest % 128) | 0x80;
    this.bytes[this.#at++] = rest;
  }

  text(field: number, text: Text): void {
    if (text.length === 0) return;
    this.header(field, lengthOf(text));
    if (typeof text === "string") this.#at += this.bytes.write(text, this.#at);
    else this.#raw(text);
  }

  /** A `google.protobuf.Any` as field 2. */
  any(typeUrl: Uint8Array, body: Uint8Array): void {
    this.header(2, anySize(typeUrl, body));
    this.text(1, typeUrl);
    this.header(2, body.length);
    this.#raw(body);
  }

  #raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}
