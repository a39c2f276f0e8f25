import type { XdsCall } from "../call.ts";
import type { Http2Request } from "./connection-host.ts";
import { GrpcStream } from "./grpc-stream.ts";
import { grpcHead, grpcTrailers, plainHead } from "./response-headers.ts";
import type { Http2Stream, StreamHandler } from "./stream.ts";

/** What answers the calls of a path. */
export type Routes = ReadonlyMap<string, (call: XdsCall) => void>;

/** Gives a request to its route, or tells the peer that there is none. */
export function answerRequest(
  request: Http2Request,
  options: { readonly routes: Routes; readonly messageBytes: number },
): void {
  const { stream, head, address } = request;
  if (!/^application\/grpc(?:[+;]|$)/i.test(head.headers.get("content-type") ?? "")) {
    stream.handler = refuseInPlain(stream, 415, "This port speaks gRPC: content-type application/grpc.\n");
    return;
  }
  if (head.method !== "POST") {
    stream.handler = refuseInPlain(stream, 405, "gRPC is POST.\n");
    return;
  }
  const route = options.routes.get(head.path);
  if (route === undefined) {
    const trailers = grpcTrailers("UNIMPLEMENTED", `no method ${head.path}`);
    stream.sendOnlyHead(Buffer.concat([grpcHead, trailers]));
    return;
  }
  const call = new GrpcStream({ stream, headers: head.headers, address, messageBytes: options.messageBytes });
  stream.handler = call;
  route(call);
}

/** So much of a request that is refused is read before it is answered. */
const longestRefused = 64 * 1024;

/** Answers in HTTP when the request is complete, as who does not speak gRPC expects. */
function refuseInPlain(stream: Http2Stream, status: 405 | 415, text: string): StreamHandler {
  let bytes = 0;
  const answer = (): void => {
    stream.sendHead(plainHead(status));
    stream.sendData(Buffer.from(text));
    stream.finish(undefined);
  };
  return {
    data(part) {
      stream.taken(part.length);
      bytes += part.length;
      if (bytes > longestRefused) answer();
    },
    requestEnded: answer,
    drained: () => {},
    gone: () => {},
  };
}
