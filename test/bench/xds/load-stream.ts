import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { encode } from "../../../shared/core/xds/encode.ts";
import {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
} from "../../../shared/core/xds/gen/envoy/service/discovery/v3/discovery.ts";
import { typeUrls } from "../../../shared/core/xds/resource.ts";
import { nameAndVersion, readResponse } from "./responses.ts";

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

/** What Envoy has given for long. Bytes. */
const window = 256 * 2 ** 20;
const typeUrl = typeUrls.cluster;

export function createLoadStream(options: LoadStreamOptions): LoadStream {
  const { id, tls, sotw } = options;
  const versions = new Map<string, string>();
  let received = 0;
  let session: ClientHttp2Session | undefined;

  const take = (stream: ClientHttp2Stream, message: Buffer): void => {
    const { version, nonce, resources } = readResponse(message);
    if (!sotw) for (const resource of resources) versions.set(...nameAndVersion(resource));
    const before = received;
    received += resources.length;
    options.onResources(before, received);
    stream.write(
      framed(
        sotw
          ? encode(DiscoveryRequest, { typeUrl, versionInfo: version, responseNonce: nonce })
          : encode(DeltaDiscoveryRequest, { typeUrl, responseNonce: nonce }),
      ),
    );
  };
  return {
    get received() {
      return received;
    },
    open() {
      const opened = connect(`${tls ? "https" : "http"}://${options.address}`, {
        settings: { initialWindowSize: window },
        rejectUnauthorized: false,
      });
      session = opened;
      opened.once("connect", () => opened.setLocalWindowSize(window));
      const method = sotw ? "StreamAggregatedResources" : "DeltaAggregatedResources";
      const stream = opened.request({
        ":method": "POST",
        ":path": `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`,
        "content-type": "application/grpc",
        te: "trailers",
        authorization: `Bearer ${id}`,
      });
      let rest: Buffer = Buffer.alloc(0);
      stream.on("data", (bytes: Buffer) => {
        rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
        for (let end = endOf(rest); end !== undefined; end = endOf(rest)) {
          take(stream, rest.subarray(5, end));
          rest = rest.subarray(end);
        }
      });
      const node = { id, cluster: "bench", userAgentName: "envoy" };
      const held = Object.fromEntries(versions);
      stream.write(
        framed(
          sotw
            ? encode(DiscoveryRequest, { typeUrl, node } as DiscoveryRequest)
            : encode(DeltaDiscoveryRequest, { typeUrl, node, initialResourceVersions: held } as DeltaDiscoveryRequest),
        ),
      );
    },
    async close() {
      const closing = session;
      if (closing === undefined) return;
      await new Promise<void>((resolve) => {
        closing.once("close", resolve);
        closing.destroy();
      });
    },
  };
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Of the first message, if it is complete. */
function endOf(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined;
  const end = 5 + bytes.readUInt32BE(1);
  return bytes.length < end ? undefined : end;
}
