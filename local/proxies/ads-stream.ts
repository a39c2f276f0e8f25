import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type EnvoyType, envoyTypes, typeUrls } from "../../shared/core/xds/resource.ts";
import { messageSchema } from "./messages.ts";

/** A delta response as a client reads it. */
export interface DeltaResponse {
  readonly type: EnvoyType;
  readonly nonce: string;
  readonly resources: readonly { readonly name: string; readonly version: string; readonly body: Uint8Array }[];
  readonly removed: readonly string[];
  /** Bytes of the message. */
  readonly size: number;
}

export interface DeltaRequest {
  readonly type: EnvoyType;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  /** name → version of what the proxy has from before. */
  readonly held?: Readonly<Record<string, string>>;
  readonly nonce?: string;
  readonly error?: string;
}

/** How the server ended a stream: gRPC's status. */
export interface StreamEnd {
  readonly code: number;
  readonly details: string;
}

export interface AdsStreamOptions {
  readonly port: number;
  /** PEM. */
  readonly roots: string;
  readonly token: string | undefined;
  /** Name that the server's certificate must have. */
  readonly serverName: string;
  readonly nodeId: string;
  readonly onResponse: (response: DeltaResponse) => void;
}

/** One delta ADS stream to loopback, its messages encoded and decoded by another library than the gateway's. */
export interface AdsStream extends AsyncDisposable {
  send(request: DeltaRequest): void;
  readonly ended: Promise<StreamEnd>;
}

const method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const requestSchema = messageSchema("envoy.service.discovery.v3.DeltaDiscoveryRequest");
const responseSchema = messageSchema("envoy.service.discovery.v3.DeltaDiscoveryResponse");
const typeOfUrl = new Map(envoyTypes.map((type) => [typeUrls[type], type]));

export function openAdsStream(options: AdsStreamOptions): AdsStream {
  const client = new Client(`127.0.0.1:${options.port}`, credentials.createSsl(Buffer.from(options.roots)), {
    "grpc.ssl_target_name_override": options.serverName,
    "grpc.use_local_subchannel_pool": 1,
  });
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set("authorization", `Bearer ${options.token}`);
  const call = client.makeBidiStreamRequest(method, unchanged, unchanged, metadata);
  const { promise: ended, resolve } = Promise.withResolvers<StreamEnd>();
  call.on("data", (bytes: Buffer) => options.onResponse(readResponse(bytes)));
  call.on("status", ({ code, details }: StreamEnd) => resolve({ code, details }));
  call.on("error", ({ code, details }: ServiceError) => resolve({ code, details }));
  let introduced = false;
  return {
    send(request) {
      call.write(Buffer.from(encodeRequest(request, introduced ? undefined : options.nodeId)));
      introduced = true;
    },
    ended,
    async [Symbol.asyncDispose]() {
      call.cancel();
      await ended;
      client.close();
    },
  };
}

function unchanged(bytes: Buffer): Buffer {
  return bytes;
}

function encodeRequest(request: DeltaRequest, nodeId: string | undefined): Uint8Array {
  const { type, subscribe = [], unsubscribe = [], held = {}, nonce = "", error } = request;
  const version = {
    case: "userAgentBuildVersion",
    value: { version: { majorNumber: 1, minorNumber: 40, patch: 0 } },
  };
  const message = {
    ...(nodeId !== undefined && {
      node: { id: nodeId, cluster: nodeId, userAgentName: "envoy", userAgentVersionType: version },
    }),
    typeUrl: typeUrls[type],
    resourceNamesSubscribe: [...subscribe],
    resourceNamesUnsubscribe: [...unsubscribe],
    initialResourceVersions: { ...held },
    responseNonce: nonce,
    ...(error !== undefined && { errorDetail: { code: 13, message: error } }),
  };
  return toBinary(requestSchema, create(requestSchema, message as never));
}

interface ResponseMessage {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly {
    readonly name: string;
    readonly version: string;
    readonly resource?: { readonly value: Uint8Array };
  }[];
  readonly removedResources: readonly string[];
}

function readResponse(bytes: Uint8Array): DeltaResponse {
  const { typeUrl, nonce, resources, removedResources } = fromBinary(
    responseSchema,
    bytes,
  ) as unknown as ResponseMessage;
  const type = typeOfUrl.get(typeUrl);
  if (type === undefined) throw new Error(`the server sent the type ${typeUrl}`);
  return {
    type,
    nonce,
    resources: resources.map(({ name, version, resource }) => ({
      name,
      version,
      body: resource?.value ?? new Uint8Array(),
    })),
    removed: removedResources,
    size: bytes.length,
  };
}
