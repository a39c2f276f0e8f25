import { type CallListener, type GrpcStatus, type XdsCall } from "../call.ts";
import { MessageReader, type MessageSink } from "./message-reader.ts";
import { grpcHead, grpcTrailers } from "./response-headers.ts";
import type { Http2Stream, StreamHandler } from "./stream.ts";

/** What a call starts with. */
export interface GrpcRequest {
  readonly stream: Http2Stream;
  readonly headers: ReadonlyMap<string, string>;
  /** The peer's IP. */
  readonly address: string;
  /** Bytes of the longest message that is taken. */
  readonly messageBytes: number;
}

/**
 * A gRPC call over an HTTP/2 stream. `grpc-timeout` is ignored: discovery streams live until one side ends them. What comes before somebody listens waits within
 * the stream's window.
 */
export class GrpcStream implements XdsCall, StreamHandler, MessageSink {
  readonly address: string;
  readonly #stream: Http2Stream;
  readonly #reader: MessageReader;
  /** Until somebody listens. */
  #headers: ReadonlyMap<string, string> | undefined;
  #listener: CallListener | undefined;
  #held = 0;
  /** Messages that were sent and that none of the peer's has answered. */
  #unanswered = 0;
  #open = true;
  #headSent = false;

  constructor(request: GrpcRequest) {
    this.#stream = request.stream;
    this.address = request.address;
    this.#headers = request.headers;
    this.#reader = new MessageReader(request.messageBytes);
  }

  get open(): boolean {
    return this.#open;
  }

  get behind(): boolean {
    return this.#stream.behind;
  }

  header(name: string): string | undefined {
    return this.#headers?.get(name);
  }

  listen(listener: CallListener): void {
    if (!this.#open) {
      listener.gone("the proxy went away");
      return;
    }
    this.#listener = listener;
    this.#headers = undefined;
    const held = this.#held;
    this.#held = 0;
    if (held > 0) this.#read(Buffer.alloc(0), held);
    if (this.#stream.remoteEnded) this.requestEnded();
  }

  send(message: Buffer): void {
    if (!this.#open) return;
    if (!this.#headSent) {
      this.#headSent = true;
      this.#stream.sendHead(grpcHead);
    }
    this.#unanswered += 1;
    this.#stream.sendMessage(message);
  }

  end(status: GrpcStatus, message?: string): void {
    if (!this.#open) return;
    this.#open = false;
    // Who is sent away in peace comes back on another connection, perhaps to another replica.
    if (status === "OK" && !this.#stream.remoteEnded) this.#stream.owner.retire();
    const trailers = grpcTrailers(status, message);
    if (this.#headSent) this.#stream.finish(trailers);
    else this.#stream.sendOnlyHead(Buffer.concat([grpcHead, trailers]));
  }

  // What the HTTP/2 stream tells.

  data(bytes: Buffer): void {
    if (!this.#open) this.#stream.taken(bytes.length);
    else if (this.#listener === undefined) {
      this.#reader.hold(bytes);
      this.#held += bytes.length;
    } else this.#read(bytes, bytes.length);
  }

  requestEnded(): void {
    if (!this.#open || this.#listener === undefined) return;
    if (this.#reader.within) this.#fail("INVALID_ARGUMENT", "the stream ended within a message");
    else this.#listener.finished();
  }

  drained(): void {
    if (this.#open) this.#listener?.drained();
  }

  gone(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#listener?.gone(reason);
  }

  message(bytes: Buffer): boolean {
    if (this.#unanswered > 0) this.#unanswered -= 1;
    else this.#stream.owner.unasked();
    if (this.#open) this.#listener?.message(bytes);
    return this.#open;
  }

  #read(bytes: Buffer, taken: number): void {
    const refusal = this.#reader.read(bytes, this);
    this.#stream.taken(taken);
    if (refusal !== undefined && this.#open) this.#fail(refusal.status, refusal.reason);
  }

  #fail(status: GrpcStatus, reason: string): void {
    this.end(status, reason);
    this.#listener?.gone(reason);
  }
}
