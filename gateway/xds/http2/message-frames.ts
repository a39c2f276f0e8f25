import { writeFrameHeader } from "./frames.ts";
import { defaultFrameSize, frameHeaderBytes, frameType } from "./protocol.ts";

/** Before every gRPC message: a flag (0: not compressed) and the length. */
export const messagePrefixBytes = 5;

export function writeMessagePrefix(into: Buffer, at: number, length: number): void {
  into[at] = 0;
  into.writeUInt32BE(length, at + 1);
}

/**
 * Framed messages by what they were made of. The same Buffer that goes to many streams is framed once: on a proxy's connection the stream
 * has nearly always the number 1. What is older than two sweeps is forgotten.
 */
export interface MessageFrames {
  /** The message as DATA frames. */
  of(message: Buffer, streamId: number): Buffer;
  sweep(): void;
}

interface Framed {
  readonly streamId: number;
  readonly bytes: Buffer;
}

/** `capacity`: bytes that are kept between two sweeps. */
export function createMessageFrames(capacity: number): MessageFrames {
  let recent = new Map<Buffer, Framed>();
  let older = new Map<Buffer, Framed>();
  let kept = 0;
  let last: Buffer | undefined;
  let lastFramed: Framed | undefined;
  const turn = (): void => {
    older = recent;
    recent = new Map();
    kept = 0;
  };
  return {
    of(message, streamId) {
      const known = message === last ? lastFramed : (recent.get(message) ?? older.get(message));
      if (known !== undefined && known.streamId === streamId) {
        last = message;
        lastFramed = known;
        return known.bytes;
      }
      const framed = { streamId, bytes: frameMessage(message, streamId) };
      kept += framed.bytes.length;
      if (kept > capacity) turn();
      recent.set(message, framed);
      last = message;
      lastFramed = framed;
      return framed.bytes;
    },
    sweep() {
      turn();
      last = undefined;
      lastFramed = undefined;
    },
  };
}

function frameMessage(message: Buffer, streamId: number): Buffer {
  const length = messagePrefixBytes + message.length;
  const frames = Math.ceil(length / defaultFrameSize);
  const bytes = Buffer.allocUnsafeSlow(length + frames * frameHeaderBytes);
  let from = 0;
  let at = 0;
  for (let left = length; left > 0; ) {
    const payload = Math.min(left, defaultFrameSize);
    writeFrameHeader(bytes, at, { type: frameType.data, flags: 0, streamId, length: payload });
    at += frameHeaderBytes;
    const prefix = left === length ? messagePrefixBytes : 0;
    if (prefix > 0) writeMessagePrefix(bytes, at, message.length);
    message.copy(bytes, at + prefix, from, from + payload - prefix);
    from += payload - prefix;
    at += payload;
    left -= payload;
  }
  return bytes;
}
