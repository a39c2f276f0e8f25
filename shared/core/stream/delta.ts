import { type EnvoyType, envoyTypes, typeUrls } from "../xds/resource.ts";
import type { DeltaRequest } from "./requests.ts";
import type { ResponseMemo } from "./response-memo.ts";
import { encodeDeltaResponse } from "./responses.ts";
import type { Send, Stream, StreamRequest } from "./stream.ts";

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

export function toDeltaResponse(stream: Stream, send: Send, memo: ResponseMemo): Buffer {
  const { type, nonce, resources, removed } = send;
  const version = String(stream.view?.snapshotVersion ?? 0);
  return memo.bytesOf({ key: `delta ${type} ${nonce} ${version}`, resources, removed }, () =>
    encodeDeltaResponse({ typeUrl: typeUrls[type], version, nonce, resources, removed }),
  );
}
