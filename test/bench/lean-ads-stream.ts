import type { AdsStream, AdsStreamOptions, DeltaRequest } from "../../local/proxies/ads-stream.ts";
import { encode } from "../../shared/core/xds/encode.ts";
import { DeltaDiscoveryRequest } from "../../shared/core/xds/gen/envoy/service/discovery/v3/discovery.ts";
import { envoyTypes, typeUrls } from "../../shared/core/xds/resource.ts";
import { openRawCall } from "./raw-call.ts";
import { readDeltaResource, readResponse } from "./xds/responses.ts";

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const typeOfUrl = new Map(envoyTypes.map((type) => [typeUrls[type], type]));

/** A delta ADS stream for a crowd: on HTTP/2 itself, and read by hand, so that what the clients cost does not hide what the server does. */
export function openLeanAdsStream(options: AdsStreamOptions): AdsStream {
  const call = openRawCall({
    url: `https://127.0.0.1:${options.port}`,
    path,
    token: options.token,
    server: { roots: options.roots, name: options.serverName },
    onMessage(message) {
      const { typeUrl, nonce, resources, removed } = readResponse(message);
      const type = typeOfUrl.get(typeUrl);
      if (type === undefined) throw new Error(`a response of type ${typeUrl}`);
      options.onResponse({ type, nonce, resources: resources.map(readDeltaResource), removed, size: message.length });
    },
  });
  let introduced = false;
  return {
    send(request) {
      call.write(requestOf(request, introduced ? undefined : options.nodeId));
      introduced = true;
    },
    ended: call.ended.then((details) => ({ code: 2, details })),
    [Symbol.asyncDispose]: () => call.close(),
  };
}

function requestOf(
  { type, subscribe, unsubscribe, held, nonce, error }: DeltaRequest,
  id: string | undefined,
): Uint8Array {
  return encode(DeltaDiscoveryRequest, {
    ...(id !== undefined && { node: nodeOf(id) }),
    typeUrl: typeUrls[type],
    ...(subscribe !== undefined && { resourceNamesSubscribe: subscribe }),
    ...(unsubscribe !== undefined && { resourceNamesUnsubscribe: unsubscribe }),
    ...(held !== undefined && { initialResourceVersions: held }),
    ...(nonce !== undefined && { responseNonce: nonce }),
    ...(error !== undefined && { errorDetail: { code: 13, message: error } }),
  });
}

function nodeOf(id: string): NonNullable<DeltaDiscoveryRequest["node"]> {
  return {
    id,
    cluster: id,
    userAgentName: "envoy",
    userAgentVersionType: {
      $case: "userAgentBuildVersion",
      value: { version: { majorNumber: 1, minorNumber: 40, patch: 0 } },
    },
  };
}
