import { messagePrefixBytes } from "./message-frames.ts";

/** What ends a stream: what its peer sent is no gRPC that we take. */
export interface MessageRefusal {
  readonly status: "UNIMPLEMENTED" | "RESOURCE_EXHAUSTED";
  readonly reason: string;
}

export interface MessageSink {
  /** The bytes are valid during the call. False: read no further. */
  message(bytes: Buffer): boolean;
}

/**
 * Cuts a stream's bytes into gRPC messages, whatever the chunks. A message that lies in one chunk is not copied; what is kept of one that does not grows with what
 * came of it, not with what it says to be.
 */
export class MessageReader {
  readonly #largest: number;
  /** The message in the making, with its prefix; room for more behind it. */
  #begun: Buffer | undefined;
  #filled = 0;

  constructor(largest: number) {
    this.#largest = largest;
  }

  /** Whether a message is incomplete. */
  get within(): boolean {
    return this.#begun !== undefined;
  }

  /** Keeps bytes that nobody reads yet. */
  hold(chunk: Buffer): void {
    this.#keep(this.#joined(chunk), 0);
  }

  /** Gives each message that is complete. */
  read(chunk: Buffer, sink: MessageSink): MessageRefusal | undefined {
    const bytes = this.#joined(chunk);
    let at = 0;
    while (bytes.length - at >= messagePrefixBytes) {
      if (bytes[at] !== 0) {
        return { status: "UNIMPLEMENTED", reason: "compressed messages are not taken" };
      }
      const length = bytes.readUInt32BE(at + 1);
      if (length > this.#largest) {
        return { status: "RESOURCE_EXHAUSTED", reason: `a message of ${length} bytes, more than ${this.#largest}` };
      }
      const end = at + messagePrefixBytes + length;
      if (end > bytes.length) break;
      const message = bytes.subarray(at + messagePrefixBytes, end);
      at = end;
      if (!sink.message(message)) return undefined;
    }
    this.#keep(bytes, at);
    return undefined;
  }

  /** What was kept, and the chunk behind it. */
  #joined(chunk: Buffer): Buffer {
    const begun = this.#begun;
    if (begun === undefined) return chunk;
    const length = this.#filled + chunk.length;
    let room = begun;
    if (begun.length < length) {
      room = Buffer.allocUnsafeSlow(Math.max(length, 2 * begun.length));
      begun.copy(room, 0, 0, this.#filled);
    }
    chunk.copy(room, this.#filled);
    this.#begun = room;
    this.#filled = length;
    return room.subarray(0, length);
  }

  #keep(bytes: Buffer, from: number): void {
    if (from === bytes.length) {
      this.#begun = undefined;
      return;
    }
    if (from === 0 && this.#begun !== undefined) return;
    this.#begun = Buffer.allocUnsafeSlow(Math.max(64, bytes.length - from));
    this.#filled = bytes.copy(this.#begun, 0, from);
  }
}
