import type { Frame } from "./frame-reader.ts";
import { ConnectionFault, flag, frameType } from "./protocol.ts";

/** What the payloads of frames say, and the errors of their form, which end the connection (RFC 9113 §6). */

export function check(right: boolean, otherwise: string): void {
  if (!right) throw new ConnectionFault("protocol", otherwise);
}

/** Payloads whose length is always the same. */
const lengths: ReadonlyMap<number, number> = new Map([
  [frameType.priority, 5],
  [frameType.reset, 4],
  [frameType.ping, 8],
  [frameType.windowUpdate, 4],
]);

/** Frames of the connection have no stream, others have one. */
const ofConnection: ReadonlySet<number> = new Set([frameType.settings, frameType.ping, frameType.goAway]);
const ofStream: ReadonlySet<number> = new Set([
  frameType.data,
  frameType.headers,
  frameType.priority,
  frameType.reset,
  frameType.continuation,
]);

export function checkForm({ type, streamId, payload }: Frame): void {
  const length = lengths.get(type);
  if (length !== undefined && payload.length !== length) {
    throw new ConnectionFault("frameSize", `a frame of type ${type} with ${payload.length} bytes`);
  }
  if (ofConnection.has(type)) check(streamId === 0, "a frame of the connection on a stream");
  if (ofStream.has(type)) check(streamId !== 0, "a frame of a stream without one");
}

/** A frame's payload without its padding. */
export function unpadded({ flags, payload }: Frame): Buffer {
  if ((flags & flag.padded) === 0) return payload;
  const padding = payload[0];
  if (padding === undefined) throw new ConnectionFault("frameSize", "padding without a length");
  check(padding < payload.length, "more padding than payload");
  return payload.subarray(1, payload.length - padding);
}

/** The 31 bits at the beginning: a stream that another depends on, a window's increment. */
export function firstNumber(payload: Buffer): number {
  return payload.readUInt32BE(0) & 0x7fffffff;
}

/** The part of a header block in a HEADERS frame. Priorities are ignored but for the one that is an error. */
export function readHeadersFrame(frame: Frame): { readonly part: Buffer; readonly selfDependent: boolean } {
  const part = unpadded(frame);
  if ((frame.flags & flag.priority) === 0) return { part, selfDependent: false };
  if (part.length < 5) throw new ConnectionFault("frameSize", "headers without their priority");
  return { part: part.subarray(5), selfDependent: firstNumber(part) === frame.streamId };
}
