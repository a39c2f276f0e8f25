import { once } from "node:events";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { messageSchema } from "../../../local/proxies/messages.ts";
import { type EnvoyType, envoyTypes, typeUrls } from "../../../shared/core/xds/resource.ts";
import { within } from "./within.ts";

/** A delta response as a client reads it. */
export interface DeltaResponse {
  readonly type: EnvoyType;
  readonly nonce: string;
  /** name → version */
  readonly resources: Readonly<Record<string, string>>;
  readonly bodies: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

export interface DeltaRequestContent {
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly held?: Readonly<Record<string, string>>;
  readonly nonce?: string;
  readonly error?: string;
}

/** One delta ADS stream, its messages encoded and decoded by protobuf-es and not by what is tested. */
export interface DeltaClient extends AsyncDisposable {
  request(type: EnvoyType, content?: DeltaRequestContent): void;
  sendRaw(bytes: Buffer): void;
  /** The next response, whichever type it is of. */
  next(): Promise<DeltaResponse>;
  ack(response: DeltaResponse): void;
  nack(response: DeltaResponse, message?: string): void;
  /** Asks about a name that does not exist and reads up to the answer: what came before it, came for another reason. */
  settle(): Promise<DeltaResponse[]>;
  /** How the server ended the stream. */
  ended(): Promise<{ readonly code: number; readonly details: string }>;
}

export interface ClientOptions {
  readonly port: number;
  /** PEM. */
  readonly roots: string;
  readonly token: string | undefined;
  /** Name that the server's certificate must have. */
  readonly serverName: string;
}

const requestSchema = messageSchema("envoy.service.discovery.v3.DeltaDiscoveryRequest");
const responseSchema = messageSchema("envoy.service.discovery.v3.DeltaDiscoveryResponse");

interface ResponseMessage {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly {
    readonly name: string;
    readonly version: string;
    readonly resource: { readonly value: Uint8Array };
  }[];
  readonly removedResources: readonly string[];
}

export function connectDeltaClient(options: ClientOptions): DeltaClient {
  const client = new Client(`127.0.0.1:${options.port}`, credentials.createSsl(Buffer.from(options.roots)), {
    "grpc.ssl_target_name_override": options.serverName,
    "grpc.use_local_subchannel_pool": 1,
  });
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set("authorization", `Bearer ${options.token}`);
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
    metadata,
  );
  const received: DeltaResponse[] = [];
  const status = Promise.withResolvers<{ code: number; details: string }>();
  call.on("data", (bytes: Buffer) => {
    received.push(readResponse(bytes));
    call.emit("response");
  });
  call.on("status", (given: { code: number; details: string }) => status.resolve(given));
  call.on("error", (error: ServiceError) => status.resolve({ code: error.code, details: error.details }));
  let introduced = false;
  let probes = 0;
  const self: DeltaClient = {
    request(type, content = {}) {
      const node = { id: "test", cluster: "shop", userAgentVersionType: { case: "userAgentVersion", value: "1.40.0" } };
      const message = create(requestSchema, {
        ...(introduced ? {} : { node }),
        typeUrl: typeUrls[type],
        resourceNamesSubscribe: [...(content.subscribe ?? [])],
        resourceNamesUnsubscribe: [...(content.unsubscribe ?? [])],
        initialResourceVersions: { ...content.held },
        responseNonce: content.nonce ?? "",
        ...(content.error === undefined ? {} : { errorDetail: { code: 13, message: content.error } }),
      } as never);
      introduced = true;
      call.write(Buffer.from(toBinary(requestSchema, message)));
    },
    sendRaw: (bytes) => void call.write(bytes),
    async next() {
      while (received.length === 0) await within(once(call, "response"), "a response");
      const [response] = received.splice(0, 1);
      if (response === undefined) throw new Error("no response");
      return response;
    },
    ack: (response) => self.request(response.type, { nonce: response.nonce }),
    nack: (response, message = "bad") => self.request(response.type, { nonce: response.nonce, error: message }),
    async settle() {
      const probe = `probe-${++probes}`;
      self.request("secret", { subscribe: [probe] });
      const before: DeltaResponse[] = [];
      for (;;) {
        const response = await self.next();
        if (response.removed.includes(probe)) {
          self.request("secret", { nonce: response.nonce, unsubscribe: [probe] });
          return before;
        }
        before.push(response);
      }
    },
    ended: () => within(status.promise, "the end of the stream"),
    async [Symbol.asyncDispose]() {
      call.cancel();
      await within(status.promise, "the end of the stream");
      client.close();
    },
  };
  return self;
}

function readResponse(bytes: Uint8Array): DeltaResponse {
  const message = fromBinary(responseSchema, bytes) as unknown as ResponseMessage;
  const type = envoyTypes.find((candidate) => typeUrls[candidate] === message.typeUrl);
  if (type === undefined) throw new Error(`unexpected type ${message.typeUrl}`);
  return {
    type,
    nonce: message.nonce,
    resources: Object.fromEntries(message.resources.map(({ name, version }) => [name, version])),
    bodies: Object.fromEntries(
      message.resources.map(({ name, resource }) => [name, Buffer.from(resource.value).toString()]),
    ),
    removed: message.removedResources,
  };
}
