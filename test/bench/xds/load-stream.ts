import { encode } from "../../../shared/core/xds/encode.ts";
import {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
} from "../../../shared/core/xds/gen/envoy/service/discovery/v3/discovery.ts";
import { typeUrls } from "../../../shared/core/xds/resource.ts";
import { openRawCall, type RawCall } from "../raw-call.ts";
import { readDeltaResource, readResponse } from "./responses.ts";

/** One simulated proxy: a connection with one stream, on which everything is acknowledged. */
export interface LoadStream {
  /** Resources since it was first opened. */
  readonly received: number;
  /** Opens it with the versions that it has. */
  open(): void;
  close(): Promise<void>;
}

export interface LoadStreamOptions {
  readonly id: string;
  readonly address: string;
  readonly tls: boolean;
  readonly sotw: boolean;
  /** So many more resources have come. */
  readonly onResources: (before: number, after: number) => void;
}

const typeUrl = typeUrls.cluster;

export function createLoadStream(options: LoadStreamOptions): LoadStream {
  const { id, tls, sotw } = options;
  const versions = new Map<string, string>();
  let received = 0;
  let call: RawCall | undefined;

  const take = (message: Buffer): void => {
    const { version, nonce, resources } = readResponse(message);
    if (!sotw)
      for (const resource of resources) {
        const read = readDeltaResource(resource);
        versions.set(read.name, read.version);
      }
    const before = received;
    received += resources.length;
    options.onResources(before, received);
    call?.write(
      sotw
        ? encode(DiscoveryRequest, { typeUrl, versionInfo: version, responseNonce: nonce })
        : encode(DeltaDiscoveryRequest, { typeUrl, responseNonce: nonce }),
    );
  };
  return {
    get received() {
      return received;
    },
    open() {
      const method = sotw ? "StreamAggregatedResources" : "DeltaAggregatedResources";
      call = openRawCall({
        url: `${tls ? "https" : "http"}://${options.address}`,
        path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`,
        token: id,
        onMessage: take,
      });
      const node = { id, cluster: "bench", userAgentName: "envoy" };
      const held = Object.fromEntries(versions);
      call.write(
        sotw
          ? encode(DiscoveryRequest, { typeUrl, node } as DiscoveryRequest)
          : encode(DeltaDiscoveryRequest, { typeUrl, node, initialResourceVersions: held } as DeltaDiscoveryRequest),
      );
    },
    close: async () => call?.close(),
  };
}
