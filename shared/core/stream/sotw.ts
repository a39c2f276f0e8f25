import { typeUrls } from "../xds/resource.ts";
import { typeOfUrl } from "./delta.ts";
import { hasName, namesIn } from "./name-set.ts";
import { entriesOf, lookup, namesOf } from "./persistent-map.ts";
import { noVersions, type SotwRequest } from "./requests.ts";
import type { ResponseMemo } from "./response-memo.ts";
import { encodeSotwResponse } from "./responses.ts";
import { nothing, type Send, type Stream, type StreamRequest } from "./stream.ts";
import { wants } from "./subscription.ts";
import type { ViewResource } from "./view.ts";

/**
 * A state-of-the-world request repeats the whole list of names; the machine gets what changed in it. Undefined: a type that Weft does
 * not serve, or an answer to a message that is not the newest, which has to be ignored as a whole
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ack-and-nack-semantics-summary).
 */
export function fromSotwRequest(stream: Stream, request: SotwRequest): StreamRequest | undefined {
  const type = typeOfUrl(request.typeUrl);
  if (type === undefined) return undefined;
  const state = stream.types[type];
  const answer = {
    type,
    held: noVersions,
    nonce: request.nonce,
    error: request.error?.message,
    listing: request.listing,
  };
  if (!state.asked) return { ...answer, nonce: "", error: undefined, subscribe: request.names, unsubscribe: [] };
  const lastNonce = [...namesOf(state.inFlight)].at(-1);
  if (lastNonce !== undefined && request.nonce !== lastNonce) return undefined;
  const { listing } = request;
  if (listing !== undefined && listing === state.listing) return { ...answer, subscribe: [], unsubscribe: [] };
  const { names, wildcard } = state.subscription;
  const listed = request.names;
  const wanted = new Set(listed);
  // An empty list goes on meaning everything for whoever never named anything.
  if (wanted.size === 0 && wildcard && names.size === 0) return { ...answer, subscribe: [], unsubscribe: [] };
  const unsubscribe = [...namesIn(names)].filter((name) => !wanted.has(name));
  if (wildcard && !wanted.has("*")) unsubscribe.push("*");
  const subscribe = listed.filter((name) => (name === "*" ? !wildcard : !hasName(names, name)));
  return { ...answer, subscribe, unsubscribe };
}

/**
 * Clusters and listeners are always sent complete, and what is left out is gone; of the other types a message holds only what changed
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#grouping-resources-into-responses).
 */
export function toSotwResponse(stream: Stream, send: Send, memo: ResponseMemo): Buffer {
  const { type, nonce, resources } = send;
  const version = String(stream.view?.generation ?? 0);
  const rest = type === "cluster" || type === "listener" ? restOf(stream, send) : noRest;
  return memo.bytesOf(
    {
      key: `sotw ${type} ${nonce} ${version} ${rest.ofView}`,
      resources: [...rest.exceptions, ...resources],
      removed: send.removed,
    },
    () => encodeSotwResponse({ typeUrl: typeUrls[type], version, nonce, resources: [...rest.list(), ...resources] }),
  );
}

/** What a complete message repeats: the last acknowledged bytes of every name that is not new in it. A refused one stays as it was. */
interface Rest {
  /** Whether it is all that the view has, but for exceptions, which is the same for all streams. */
  readonly ofView: boolean;
  /** Otherwise everything is one. */
  readonly exceptions: readonly ViewResource[];
  readonly list: () => readonly ViewResource[];
}

const noRest: Rest = { ofView: false, exceptions: [], list: () => [] };

function restOf(stream: Stream, send: Send): Rest {
  const { exceptions, inFlight, subscription } = stream.types[send.type];
  const message = lookup(inFlight, send.nonce);
  const held: ViewResource[] = [];
  let ofView = subscription.wildcard;
  for (const [name, exception] of entriesOf(exceptions)) {
    if (message?.items.has(name)) continue;
    if (exception !== nothing && exception.resource !== undefined) held.push(exception.resource);
    else ofView = false;
  }
  const rest = (): readonly ViewResource[] => [...heldOfView(stream, send), ...held];
  return ofView ? { ofView, exceptions: held, list: rest } : { ofView, exceptions: rest(), list: rest };
}

/** What the proxy holds as the view has it, but for what the message has. */
function heldOfView(stream: Stream, send: Send): readonly ViewResource[] {
  const { exceptions, inFlight, subscription } = stream.types[send.type];
  const message = lookup(inFlight, send.nonce);
  const found: ViewResource[] = [];
  for (const [name, resource] of stream.view?.resources[send.type] ?? []) {
    if (message?.items.has(name) || lookup(exceptions, name) !== undefined) continue;
    if (wants(subscription, name)) found.push(resource);
  }
  return found;
}
