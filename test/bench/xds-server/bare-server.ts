import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type Frame, FrameReader } from "../../../gateway/xds/http2/frame-reader.ts";
import { headersFrame, settingsAck } from "../../../gateway/xds/http2/frames.ts";
import { encodeGreeting } from "../../../gateway/xds/http2/greeting.ts";
import { defaultHttp2Limits } from "../../../gateway/xds/http2/limits.ts";
import { createMessageFrames, messagePrefixBytes } from "../../../gateway/xds/http2/message-frames.ts";
import { frameType } from "../../../gateway/xds/http2/protocol.ts";
import { grpcHead } from "../../../gateway/xds/http2/response-headers.ts";
import { defaultXdsServerSettings } from "../../../gateway/xds/server.ts";
import { encodeDeltaResponse } from "../../../shared/core/stream/responses.ts";
import type { View, ViewResource } from "../../../shared/core/stream/view.ts";
import { typeUrls } from "../../../shared/core/xds/resource.ts";
import type { FleetServer, FleetServerOptions } from "./fleet-server.ts";
import { createFleetView } from "./fleet-view.ts";
import { selfSigned } from "./self-signed.ts";

const greeting = Buffer.concat([encodeGreeting(defaultHttp2Limits), settingsAck]);
const head = headersFrame(1, grpcHead, 0);
/** A first request that is longer tells what the proxy holds, which is taken to be everything. */
const longestAsking = 4096;
const { backlog } = defaultXdsServerSettings;

/**
 * What Node's sockets cost by themselves, and so the floor under anything that runs on them: the fleet's bytes written to every connection, with nothing behind
 * them. Answers are read and forgotten; no windows, no subscriptions; the incremental protocol alone.
 */
export async function startBareServer(options: FleetServerOptions): Promise<FleetServer> {
  const { services, host, port, tlsPort, onFault } = options;
  const fleet = createFleetView(services);
  const frames = createMessageFrames(Number.POSITIVE_INFINITY);
  const asked = new Set<Socket>();
  const first = createFirst(() => fleet.current);
  const take = (socket: Socket): void => {
    socket.write(greeting);
    socket.on("error", () => {});
    socket.on("close", () => asked.delete(socket));
    onRequest(socket, (length) => {
      asked.add(socket);
      if (length <= longestAsking) socket.write(Buffer.concat([head, frames.of(first(), 1)]));
    });
  };
  const secure = { ...(await selfSigned(onFault)), ALPNProtocols: ["h2"], noDelay: true };
  const plain = createServer({ noDelay: true }, take).listen({ host, port, backlog });
  const tls = createTlsServer(secure, take).listen({ host, port: tlsPort, backlog });
  await Promise.all([once(plain, "listening"), once(tls, "listening")]);
  return {
    port: portOf(plain),
    tlsPort: portOf(tls),
    get streams() {
      return asked.size;
    },
    get generation() {
      return fleet.current.generation;
    },
    push(clusters) {
      const { generation } = fleet.current;
      const view = fleet.change(clusters);
      const names = view.changesSince?.(generation)?.flatMap((change) => change.names) ?? [];
      const bytes = frames.of(
        messageOf(
          view,
          names.flatMap((name) => view.resources.cluster.get(name) ?? []),
        ),
        1,
      );
      for (const socket of asked) socket.write(bytes);
      return view.generation;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of asked) socket.destroy();
      plain.close();
      tls.close();
    },
  };
}

/** Calls back once, with the length of the first message; whatever follows is dropped. */
function onRequest(socket: Socket, done: (length: number) => void): void {
  const reader = new FrameReader();
  let length: number | undefined;
  let read = 0;
  const frame = ({ type, payload }: Frame): boolean => {
    if (type !== frameType.data) return true;
    length ??= payload.readUInt32BE(1);
    read += payload.length;
    return read < messagePrefixBytes + length;
  };
  const take = (chunk: Buffer): void => {
    reader.read(chunk, { frame });
    if (length === undefined || read < messagePrefixBytes + length) return;
    socket.off("data", take);
    socket.on("data", () => {});
    done(length);
  };
  socket.on("data", take);
}

/** Everything that a view has, encoded once. */
function createFirst(current: () => View): () => Buffer {
  let view: View | undefined;
  let message: Buffer = Buffer.alloc(0);
  return () => {
    const now = current();
    if (view !== now) message = messageOf(now, [...now.resources.cluster.values()]);
    view = now;
    return message;
  };
}

function messageOf({ generation }: View, resources: readonly ViewResource[]): Buffer {
  const version = String(generation);
  return encodeDeltaResponse({ typeUrl: typeUrls.cluster, version, nonce: version, resources, removed: [] });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
