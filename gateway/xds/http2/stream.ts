import { dataHeader, headersFrame, resetFrame, windowUpdateFrame } from "./frames.ts";
import { type MessageFrames, messagePrefixBytes, writeMessagePrefix } from "./message-frames.ts";
import { defaultFrameSize, type ErrorName, flag } from "./protocol.ts";

/** What a stream needs of its connection. */
export interface StreamOwner {
  /** Bytes of data that the peer takes on all streams. */
  sendWindow: number;
  /** False while the socket has enough; `pump` is called when that is over. */
  readonly writable: boolean;
  readonly messageFrames: MessageFrames;
  write(bytes: Buffer): void;
  /** The stream's queue has grown or shrunk by so many bytes. */
  queueChanged(bytes: number): void;
  /** Bytes of the connection's receive window are free again. */
  freeWindow(bytes: number): void;
  /** The peer has sent a message that answers none of ours: each is work, so they are limited. */
  unasked(): void;
  /** The stream has ended on our side, or both. */
  ended(stream: Http2Stream): void;
  /** Asks the peer to use another connection from now on, if this one has no other stream. */
  retire(): void;
}

export interface StreamHandler {
  /** Bytes of the request, valid during the call. */
  data(bytes: Buffer): void;
  /** The request is complete. */
  requestEnded(): void;
  /** Nothing waits for the peer any more. */
  drained(): void;
  /** The peer reset it, or the connection is gone. */
  gone(reason: string): void;
}

/** Messages above this are not copied to be framed: they go out in pieces, as fast as the peer takes them. */
const longestShared = 256 * 1024;

/** One stream: its two windows, what waits for them, and its end (RFC 9113 §5.1, §5.2). A class, since thousands are idle at a time. */
export class Http2Stream {
  readonly id: number;
  readonly owner: StreamOwner;
  handler: StreamHandler | undefined;
  sendWindow: number;
  /** Bytes that the peer may still send. */
  receiveWindow: number;
  /** Bytes that the request said it has and that have not come; undefined if it did not say. */
  expected: number | undefined;
  /** The peer has sent its last. */
  remoteEnded = false;
  #done = false;
  #unsaid = 0;
  #queue: Buffer[] | undefined;
  /** Of the first in the queue, what has been written. */
  #written = 0;
  /** What ends the stream when the queue is empty: trailers, or data without bytes. */
  #last: Buffer | undefined;

  constructor(
    owner: StreamOwner,
    start: { readonly id: number; readonly sendWindow: number; readonly receiveWindow: number },
  ) {
    this.owner = owner;
    this.id = start.id;
    this.sendWindow = start.sendWindow;
    this.receiveWindow = start.receiveWindow;
  }

  /** Something waits for the peer's windows or socket. */
  get behind(): boolean {
    return this.#queue !== undefined;
  }

  /** The answer's header block. */
  sendHead(block: Buffer): void {
    if (!this.#done) this.owner.write(headersFrame(this.id, block, 0));
  }

  /** The answer's header block, and no more. */
  sendOnlyHead(block: Buffer): void {
    if (!this.#done) this.#end(headersFrame(this.id, block, flag.endStream));
  }

  /** A gRPC message. */
  sendMessage(message: Buffer): void {
    if (this.#done || this.#last !== undefined) return;
    const { owner } = this;
    const length = messagePrefixBytes + message.length;
    const fits = length <= this.sendWindow && length <= owner.sendWindow && length <= longestShared;
    if (fits && this.#queue === undefined && owner.writable) {
      this.sendWindow -= length;
      owner.sendWindow -= length;
      owner.write(owner.messageFrames.of(message, this.id));
      return;
    }
    const prefix = Buffer.allocUnsafe(messagePrefixBytes);
    writeMessagePrefix(prefix, 0, message.length);
    this.#enqueue(prefix);
    if (message.length > 0) this.#enqueue(message);
    this.#writeQueue();
  }

  /** Bytes as data, as the windows allow. */
  sendData(bytes: Buffer): void {
    if (this.#done || this.#last !== undefined) return;
    this.#enqueue(bytes);
    this.#writeQueue();
  }

  /** Ends the stream after what waits, with trailers if there are any. */
  finish(trailers: Buffer | undefined): void {
    if (this.#done || this.#last !== undefined) return;
    this.#last =
      trailers === undefined ? dataHeader(this.id, 0, flag.endStream) : headersFrame(this.id, trailers, flag.endStream);
    this.#writeQueue();
  }

  /** Windows or socket take more: writes on. */
  pump(): void {
    if (this.#queue === undefined) return;
    this.#writeQueue();
    if (this.#queue === undefined && !this.#done) this.handler?.drained();
  }

  #enqueue(bytes: Buffer): void {
    this.#queue ??= [];
    this.#queue.push(bytes);
    this.owner.queueChanged(bytes.length);
  }

  #writeQueue(): void {
    const { owner } = this;
    while (this.#queue !== undefined && !this.#done) {
      const [first] = this.#queue;
      if (first === undefined || !owner.writable) return;
      const length = Math.min(first.length - this.#written, defaultFrameSize, this.sendWindow, owner.sendWindow);
      if (length <= 0) return;
      owner.write(dataHeader(this.id, length, 0));
      owner.write(first.subarray(this.#written, this.#written + length));
      this.#advance(this.#queue, length);
    }
    if (this.#last !== undefined && !this.#done) this.#end(this.#last);
  }

  #advance(queue: Buffer[], length: number): void {
    this.sendWindow -= length;
    this.owner.sendWindow -= length;
    this.#written += length;
    if (this.#written === queue[0]?.length) {
      queue.shift();
      this.#written = 0;
    }
    if (queue.length === 0) this.#queue = undefined;
    this.owner.queueChanged(-length);
  }

  /** These bytes of the request have been taken: the peer may send as many more. */
  taken(bytes: number): void {
    this.owner.freeWindow(bytes);
    this.#unsaid += bytes;
    if (this.#done || this.remoteEnded || this.#unsaid < this.receiveWindow) return;
    this.owner.write(windowUpdateFrame(this.id, this.#unsaid));
    this.receiveWindow += this.#unsaid;
    this.#unsaid = 0;
  }

  /** Ends the stream with an error, which the handler hears of. */
  reset(code: ErrorName): void {
    if (this.#done) return;
    this.owner.write(resetFrame(this.id, code));
    this.vanish(`stream error: ${code}`);
  }

  /** The stream is no more; the peer knows. */
  vanish(reason: string): void {
    if (this.#done) return;
    this.#close();
    this.handler?.gone(reason);
  }

  #end(last: Buffer): void {
    this.owner.write(last);
    // So that the peer does not go on with its request.
    if (!this.remoteEnded) this.owner.write(resetFrame(this.id, "none"));
    this.#close();
  }

  #close(): void {
    this.#done = true;
    let waiting = this.#written;
    for (const bytes of this.#queue ?? []) waiting -= bytes.length;
    if (waiting !== 0) this.owner.queueChanged(waiting);
    this.#queue = undefined;
    this.owner.ended(this);
  }
}
