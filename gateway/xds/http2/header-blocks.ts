import type { Frame } from "./frame-reader.ts";
import { type Field, HpackDecoder } from "./hpack-decoder.ts";
import { readHeadersFrame } from "./payload.ts";
import { ConnectionFault, flag, frameType } from "./protocol.ts";

export interface Headers {
  readonly streamId: number;
  /** Nothing comes after them. */
  readonly endStream: boolean;
  /** The stream depends on itself: an error of the stream. */
  readonly selfDependent: boolean;
  readonly fields: readonly Field[];
}

/** Frames of one block: who sends more sends it in crumbs. */
const mostParts = 16;

/** Puts header blocks together from HEADERS and CONTINUATION, and decodes them. */
export class HeaderBlocks {
  readonly #limit: number;
  readonly #decoder = new HpackDecoder();
  #begun: Omit<Headers, "fields"> | undefined;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** `limit`: bytes of a block, as it comes and as its fields count. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Within a block nothing else may come on the connection (RFC 9113 §6.10). */
  checkOrder(frame: Frame): void {
    const awaited = this.#begun?.streamId;
    const right = frame.type === frameType.continuation ? frame.streamId === awaited : awaited === undefined;
    if (!right) throw new ConnectionFault("protocol", "a header block is not continued");
  }

  /** The headers that a HEADERS or CONTINUATION frame completes. Throws a ConnectionFault when the block is not valid, too long, or comes in crumbs. */
  add(frame: Frame): Headers | undefined {
    let part = frame.payload;
    if (frame.type === frameType.headers) {
      const { streamId } = frame;
      const read = readHeadersFrame(frame);
      part = read.part;
      this.#begun = { streamId, endStream: (frame.flags & flag.endStream) !== 0, selfDependent: read.selfDependent };
    }
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes > this.#limit || this.#parts.length > mostParts) {
      throw new ConnectionFault("enhanceYourCalm", "a header block that is too long");
    }
    const begun = this.#begun;
    if (begun === undefined || (frame.flags & flag.endHeaders) === 0) return undefined;
    const block = this.#parts.length === 1 ? part : Buffer.concat(this.#parts);
    this.#begun = undefined;
    this.#parts = [];
    this.#bytes = 0;
    return { ...begun, fields: this.#decoder.decode(block, this.#limit) };
  }
}
