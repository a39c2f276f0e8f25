import { type ServerDuplexStream, status as statusOf } from "@grpc/grpc-js";
import type { XdsCall } from "./call.ts";
import { peerAddress } from "./proxy-address.ts";

export type GrpcCall = ServerDuplexStream<Buffer, Buffer>;

/** A call of grpc-js as the streams see it. */
export function fromGrpcCall(call: GrpcCall): XdsCall {
  let done = false;
  let gone: string | undefined;
  call.once("cancelled", () => {
    gone = "the proxy went away";
  });
  call.on("error", (error: Error) => {
    gone ??= error.message;
  });
  return {
    address: peerAddress(call.getPeer()),
    get open() {
      return !done && gone === undefined;
    },
    header: (name) => call.metadata.get(name)[0]?.toString(),
    get buffered() {
      return call.writableLength;
    },
    listen(listener) {
      if (gone !== undefined) {
        listener.gone(gone);
        return;
      }
      const leave = (reason: string): void => {
        if (!done) listener.gone(reason);
        done = true;
      };
      call.on("cancelled", () => leave("the proxy went away"));
      call.on("error", (error: Error) => leave(error.message));
      call.on("end", () => {
        if (!done) listener.finished();
      });
      call.on("drain", () => {
        if (!done) listener.drained();
      });
      call.on("data", (bytes: Buffer) => {
        if (!done) listener.message(bytes);
      });
    },
    send: (message) => void call.write(message),
    end(status, message) {
      if (done) return;
      done = true;
      if (status === "OK") call.end();
      else call.emit("error", { code: statusOf[status], details: message ?? "" });
    },
  };
}
