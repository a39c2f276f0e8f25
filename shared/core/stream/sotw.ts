import { typeUrls } from "../xds/resource.ts";
import { typeOfUrl } from "./delta.ts";
import { hasName, namesIn } from "./name-set.ts";
import { entriesOf, lookup, namesOf } from "./persistent-map.ts";
import { nothing, type Send, type Stream, type StreamRequest } from "./stream.ts";
import { wants } from "./subscription.ts";
import type { ViewResource } from "./view.ts";
import { encodeSotwResponse, type SotwRequest } from "./wire.ts";

/**
 * A state-of-the-world request repeats the whole list of names; the machine gets what changed in it. Undefined: a type that Weft does
 * not serve, or an answer to a message that is not the newest, which has to be ignored as a whole
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ack-and-nack-semantics-summary).
 */
export function fromSotwRequest(stream: Stream, request: SotwRequest): StreamRequest | undefined {
  const type = typeOfUrl(request.typeUrl);
  if (type === undefined) return undefined;
  const state = stream.types[type];
  const answer = { type, held: [], nonce: request.nonce, error: request.error?.message };
  if (!state.asked) return { ...answer, nonce: "", error: undefined, subscribe: request.names, unsubscribe: [] };
  const lastNonce = [...namesOf(state.inFlight)].at(-1);
  if (lastNonce !== undefined && request.nonce !== lastNonce) return undefined;
  const { names, wildcard } = state.subscription;
  const wanted = new Set(request.names);
  // An empty list goes on meaning everything for whoever never named anything.
  if (wanted.size === 0 && wildcard && names.size === 0) return { ...answer, subscribe: [], unsubscribe: [] };
  const unsubscribe = [...namesIn(names)].filter((name) => !wanted.has(name));
  if (wildcard && !wanted.has("*")) unsubscribe.push("*");
  const subscribe = request.names.filter((name) => (name === "*" ? !wildcard : !hasName(names, name)));
  return { ...answer, subscribe, unsubscribe };
}

/**
 * Clusters and listeners are always sent complete, and what is left out is gone; of the other types a message holds only what changed
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#grouping-resources-into-responses).
 */
export function toSotwResponse(stream: Stream, send: Send): Buffer {
  const complete = send.type === "cluster" || send.type === "listener";
  return encodeSotwResponse({
    typeUrl: typeUrls[send.type],
    version: String(stream.view?.generation ?? 0),
    nonce: send.nonce,
    resources: complete ? completeResources(stream, send) : send.resources,
  });
}

/** The last acknowledged bytes of every other name: a refused one stays as it was. */
function completeResources(stream: Stream, send: Send): ViewResource[] {
  const { exceptions, inFlight, subscription } = stream.types[send.type];
  const message = lookup(inFlight, send.nonce);
  const complete: ViewResource[] = [];
  for (const [name, resource] of stream.view?.resources[send.type] ?? []) {
    if (message?.items.has(name) || lookup(exceptions, name) !== undefined) continue;
    if (wants(subscription, name)) complete.push(resource);
  }
  for (const [name, held] of entriesOf(exceptions)) {
    if (held !== nothing && held.resource && !message?.items.has(name)) complete.push(held.resource);
  }
  return [...complete, ...send.resources];
}
