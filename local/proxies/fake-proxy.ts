import { EventEmitter } from "node:events";
import type { JsonValue } from "@bufbuild/protobuf";
import { type EnvoyType, envoyTypes, typeUrls } from "../../shared/core/xds/resource.ts";
import {
  type AdsStream,
  type AdsStreamOptions,
  type DeltaResponse,
  openAdsStream,
  type StreamEnd,
} from "./ads-stream.ts";
import { decodeMessage } from "./messages.ts";
import { namesIn } from "./names.ts";

export interface HeldResource {
  readonly version: string;
  /** Decoded, every Any opened. */
  readonly content: JsonValue;
}

export type HeldResources = Readonly<Record<EnvoyType, ReadonlyMap<string, HeldResource>>>;

export interface FakeProxyOptions extends Omit<AdsStreamOptions, "onResponse"> {
  /** Why a resource is refused; undefined: it is taken. A message with one that is refused is refused as a whole, and nothing of it is taken. */
  readonly refuse?: (type: EnvoyType, name: string, content: JsonValue) => string | undefined;
  /** When an answer is sent; at once unless told otherwise. */
  readonly answer?: (type: EnvoyType, send: () => void) => void;
  /** How its stream is opened; `openAdsStream` unless told otherwise. */
  readonly open?: (options: AdsStreamOptions) => AdsStream;
  /** What the proxy holds from an earlier stream. */
  readonly holding?: HeldResources;
}

/**
 * Asks as Envoy does and carries no traffic: all clusters and listeners, and by name what these name; answers every message. `change` is emitted after
 * every message, `end` when the stream ended.
 */
export interface FakeProxy extends AsyncDisposable {
  readonly held: HeldResources;
  /** How many responses came on this stream, and what each of them brought: `type name`, `type -name` for what was removed. */
  readonly received: readonly (readonly string[])[];
  /** Of all messages so far. */
  readonly receivedBytes: number;
  readonly ended: Promise<StreamEnd>;
  readonly events: EventEmitter;
}

/** Wildcard subscriptions, in Envoy's order. */
const everything: readonly EnvoyType[] = ["cluster", "listener"];

const decoded = new Map<string, JsonValue>();
const decodedLimit = 10_000;

export function connectFakeProxy(options: FakeProxyOptions): FakeProxy {
  const held = perType((type) => new Map(options.holding?.[type]));
  const subscribed = perType(() => new Set<string>());
  const received: (readonly string[])[] = [];
  const events = new EventEmitter();
  const { answer = (_, send) => send(), open = openAdsStream } = options;
  const stream = open({ ...options, onResponse: (response) => take(response) });

  let receivedBytes = 0;
  const take = (response: DeltaResponse): void => {
    const { type, nonce, resources, removed, size } = response;
    receivedBytes += size;
    received.push([...resources.map(({ name }) => `${type} ${name}`), ...removed.map((name) => `${type} -${name}`)]);
    const read = resources.map(({ name, version, body }) => ({ name, version, content: decode(type, version, body) }));
    const error = read
      .map(({ name, content }) => options.refuse?.(type, name, content))
      .find((why) => why !== undefined);
    if (error === undefined) {
      for (const { name, version, content } of read) held[type].set(name, { version, content });
      for (const name of removed) held[type].delete(name);
      if (everything.includes(type)) subscribeByName(); // only these name others, and reading all of them takes long
    }
    answer(type, () => stream.send({ type, nonce, ...(error !== undefined && { error }) }));
    events.emit("change");
  };
  /** Follows what clusters and listeners name. */
  const subscribeByName = (): void => {
    const wanted = wantedNames(held);
    for (const type of envoyTypes) {
      if (everything.includes(type)) continue;
      const subscribe = [...wanted[type]].filter((name) => !subscribed[type].has(name));
      const unsubscribe = [...subscribed[type]].filter((name) => !wanted[type].has(name));
      if (subscribe.length + unsubscribe.length === 0) continue;
      for (const name of subscribe) subscribed[type].add(name);
      for (const name of unsubscribe) {
        subscribed[type].delete(name);
        held[type].delete(name);
      }
      const again = versionsOf(held[type], subscribe);
      stream.send({ type, subscribe, unsubscribe, held: again });
    }
  };

  for (const type of everything) stream.send({ type, held: versionsOf(held[type], held[type].keys()) });
  subscribeByName();
  void stream.ended.then(() => events.emit("end"));
  return {
    held,
    received,
    get receivedBytes() {
      return receivedBytes;
    },
    ended: stream.ended,
    events,
    [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
  };
}

function wantedNames(held: HeldResources): Record<EnvoyType, Set<string>> {
  const wanted = perType(() => new Set<string>());
  for (const type of everything)
    for (const { content } of held[type].values())
      for (const { type: of, name } of namesIn(content)) wanted[of].add(name);
  return wanted;
}

function versionsOf(held: ReadonlyMap<string, HeldResource>, names: Iterable<string>): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const name of names) {
    const present = held.get(name);
    if (present !== undefined) versions[name] = present.version;
  }
  return versions;
}

/** Versions are hashes, so what one proxy has read no other reads again. */
function decode(type: EnvoyType, version: string, body: Uint8Array): JsonValue {
  const key = `${type} ${version}`;
  const present = decoded.get(key);
  if (present !== undefined) return present;
  if (decoded.size >= decodedLimit) decoded.clear();
  const content = decodeMessage(typeUrls[type], body);
  decoded.set(key, content);
  return content;
}

function perType<T>(make: (type: EnvoyType) => T): Record<EnvoyType, T> {
  return Object.fromEntries(envoyTypes.map((type) => [type, make(type)])) as Record<EnvoyType, T>;
}
