import { ConnectionFault, defaultFrameSize, frameHeaderBytes, preface } from "./protocol.ts";

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  /** A part of what was read: valid until the next read. */
  readonly payload: Buffer;
}

export interface FrameListener {
  /** False: read no further. */
  frame(frame: Frame): boolean;
}

/**
 * Cuts a connection's bytes into frames, whatever the chunks. Frames that lie in one chunk are not copied, and between frames nothing is kept. A frame may be
 * as long as the default says: we never allow more.
 */
export class FrameReader {
  #preface = 0;
  /** A frame that began in an earlier chunk: as long as is known, the header first. */
  #begun: Buffer | undefined;
  #filled = 0;

  /** Throws a ConnectionFault on a wrong preface or a frame that is too long, and lets through what the listener throws. */
  read(chunk: Buffer, listener: FrameListener): void {
    let at = this.#readPreface(chunk);
    while (at < chunk.length) {
      if (this.#begun === undefined) {
        const left = chunk.length - at;
        const end = left < frameHeaderBytes ? Number.POSITIVE_INFINITY : frameHeaderBytes + lengthAt(chunk, at);
        if (left >= end) {
          if (!listener.frame(frameAt(chunk, at, end))) return;
          at += end;
          continue;
        }
        this.#begun = Buffer.allocUnsafe(Number.isFinite(end) ? end : frameHeaderBytes);
        this.#filled = 0;
      }
      at += this.#fill(chunk, at);
      const frame = this.#begunFrame();
      if (frame !== undefined && !listener.frame(frame)) return;
    }
  }

  /** Bytes of the chunk that belong to the preface. */
  #readPreface(chunk: Buffer): number {
    if (this.#preface === preface.length) return 0;
    const length = Math.min(preface.length - this.#preface, chunk.length);
    if (preface.compare(chunk, 0, length, this.#preface, this.#preface + length) !== 0) {
      throw new ConnectionFault("protocol", "not the preface of HTTP/2");
    }
    this.#preface += length;
    return length;
  }

  #fill(chunk: Buffer, at: number): number {
    const begun = this.#begun;
    if (begun === undefined) return 0;
    const length = Math.min(begun.length - this.#filled, chunk.length - at);
    chunk.copy(begun, this.#filled, at, at + length);
    this.#filled += length;
    return length;
  }

  /** The frame in the making when it is complete; when only its header is, room for the rest is made. */
  #begunFrame(): Frame | undefined {
    const begun = this.#begun;
    if (begun === undefined || this.#filled < begun.length) return undefined;
    const end = frameHeaderBytes + lengthAt(begun, 0);
    if (begun.length < end) {
      this.#begun = Buffer.allocUnsafe(end);
      begun.copy(this.#begun);
      return undefined;
    }
    this.#begun = undefined;
    return frameAt(begun, 0, end);
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  const length = bytes.readUIntBE(at, 3);
  if (length > defaultFrameSize) throw new ConnectionFault("frameSize", `a frame of ${length} bytes`);
  return length;
}

function frameAt(bytes: Buffer, at: number, length: number): Frame {
  return {
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    // The first bit is reserved and ignored.
    streamId: bytes.readUInt32BE(at + 5) & 0x7fffffff,
    payload: bytes.subarray(at + frameHeaderBytes, at + length),
  };
}
