import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from "@grpc/grpc-js";
import { decodeMessage } from "../../../local/proxies/messages.ts";
import { encode } from "../../../shared/core/xds/encode.ts";
import { DeltaDiscoveryResponse } from "../../../shared/core/xds/gen/envoy/service/discovery/v3/discovery.ts";
import { type EnvoyType, envoyTypes, typeUrls } from "../../../shared/core/xds/resource.ts";
import type { ServedView } from "./served-view.ts";

/** A message that the proxy refused, with all the names it held. */
export interface Refusal {
  readonly type: EnvoyType;
  readonly names: readonly string[];
  readonly message: string;
}

/** Gives one fixed view to every proxy that asks, and remembers the answers. */
export interface AdsServer extends AsyncDisposable {
  /** Bootstrap, as JSON text, of a proxy that asks this server. */
  bootstrap(adminSocketPath: string): string;
  readonly refusals: readonly Refusal[];
  /** Names in acknowledged messages. */
  acknowledged(type: EnvoyType): ReadonlySet<string>;
}

interface Request {
  readonly typeUrl?: string;
  readonly responseNonce?: string;
  readonly resourceNamesSubscribe?: readonly string[];
  readonly errorDetail?: { readonly message?: string };
}

type Stream = ServerDuplexStream<Buffer, Buffer>;

const requestType = "envoy.service.discovery.v3.DeltaDiscoveryRequest";

export type StartAdsServer = (view: ServedView, socketPath: string) => Promise<AdsServer>;

/** As simple as a delta server can be, so that what fails here is the view's fault; the product's own is gateway-server.ts. */
export async function startPlainServer(view: ServedView, socketPath: string): Promise<AdsServer> {
  const refusals: Refusal[] = [];
  const acknowledged = new Map<EnvoyType, Set<string>>(envoyTypes.map((type) => [type, new Set()]));
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(service, {
    DeltaAggregatedResources: (stream: Stream) => {
      const sent = new Map<string, { readonly type: EnvoyType; readonly names: readonly string[] }>();
      const known = new Set<EnvoyType>();
      const send = (type: EnvoyType, names: readonly string[]): void => {
        const nonce = `${type}-${sent.size + 1}`;
        sent.set(nonce, { type, names });
        stream.write(Buffer.from(encode(DeltaDiscoveryResponse, response(view, { type, names, nonce }))));
      };
      stream.on("data", (bytes: Buffer) => {
        const request = decodeMessage(requestType, bytes) as Request;
        const type = envoyTypes.find((candidate) => typeUrls[candidate] === request.typeUrl);
        if (type === undefined) return;
        const answered = sent.get(request.responseNonce ?? "");
        if (answered !== undefined && request.errorDetail !== undefined)
          refusals.push({ type, names: answered.names, message: request.errorDetail.message ?? "" });
        else for (const name of answered?.names ?? []) acknowledged.get(type)?.add(name);
        const names = request.resourceNamesSubscribe ?? [];
        // The first request of a type without names asks for everything.
        if (!known.has(type) && names.length === 0) send(type, [...view[type].keys()]);
        else if (names.length > 0) send(type, names);
        known.add(type);
      });
      stream.on("end", () => stream.end());
      stream.on("error", () => stream.end());
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
    error === null ? resolve() : reject(error),
  );
  await promise;
  return {
    bootstrap: (adminSocketPath) => JSON.stringify(bootstrap(socketPath, adminSocketPath)),
    refusals,
    acknowledged: (type) => acknowledged.get(type) ?? new Set(),
    [Symbol.asyncDispose]: async () => {
      server.forceShutdown();
    },
  };
}

const identity = { serialize: (bytes: Buffer) => bytes, deserialize: (bytes: Buffer) => bytes };

const service: ServiceDefinition = {
  DeltaAggregatedResources: {
    path: "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
    requestStream: true,
    responseStream: true,
    requestSerialize: identity.serialize,
    requestDeserialize: identity.deserialize,
    responseSerialize: identity.serialize,
    responseDeserialize: identity.deserialize,
  },
};

function response(
  view: ServedView,
  { type, names, nonce }: { readonly type: EnvoyType; readonly names: readonly string[]; readonly nonce: string },
): DeltaDiscoveryResponse {
  return {
    typeUrl: typeUrls[type],
    nonce,
    resources: names.flatMap((name) => {
      const value = view[type].get(name);
      return value === undefined ? [] : [{ name, version: "1", resource: { typeUrl: typeUrls[type], value } }];
    }),
    removedResources: names.filter((name) => !view[type].has(name)),
  };
}

function bootstrap(adsSocket: string, adminSocket: string): unknown {
  const ads = { ads: {}, resource_api_version: "V3" };
  return {
    node: { id: "test", cluster: "test" },
    admin: { address: { pipe: { path: adminSocket } } },
    // As in the bootstrap of injection.
    layered_runtime: { layers: [{ name: "weft", static_layer: { "re2.max_program_size.error_level": 100_000 } }] },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: "xds",
          connect_timeout: "5s",
          load_assignment: {
            cluster_name: "xds",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: adsSocket } } } }] }],
          },
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
      ],
    },
  };
}
