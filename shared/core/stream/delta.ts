import { type EnvoyType, envoyTypes, typeUrls } from "../xds/resource.ts";
import type { Send, Stream, StreamRequest } from "./stream.ts";
import { type DeltaRequest, encodeDeltaResponse } from "./wire.ts";

const typesByUrl: ReadonlyMap<string, EnvoyType> = new Map(envoyTypes.map((type) => [typeUrls[type], type]));

export function typeOfUrl(url: string): EnvoyType | undefined {
  return typesByUrl.get(url);
}

/** The incremental protocol: the machine's own terms. Undefined: a type that Weft does not serve. */
export function fromDeltaRequest(request: DeltaRequest): StreamRequest | undefined {
  const type = typeOfUrl(request.typeUrl);
  if (type === undefined) return undefined;
  return {
    type,
    subscribe: request.subscribe,
    unsubscribe: request.unsubscribe,
    held: request.initialVersions,
    nonce: request.nonce,
    error: request.error?.message,
  };
}

export function toDeltaResponse(stream: Stream, send: Send): Buffer {
  return encodeDeltaResponse({
    typeUrl: typeUrls[send.type],
    version: String(stream.view?.snapshotVersion ?? 0),
    nonce: send.nonce,
    resources: send.resources,
    removed: send.removed,
  });
}
