import { type ErrorName, errorCode, flag, frameHeaderBytes, frameType } from "./protocol.ts";

/** The frames that the gateway writes, as bytes. */

/** Writes the nine bytes before a payload at `at`. */
export function writeFrameHeader(
  into: Buffer,
  at: number,
  frame: { readonly type: number; readonly flags: number; readonly streamId: number; readonly length: number },
): void {
  into.writeUIntBE(frame.length, at, 3);
  into[at + 3] = frame.type;
  into[at + 4] = frame.flags;
  into.writeUInt32BE(frame.streamId, at + 5);
}

function start(type: number, streamId: number, length: number, flags = 0): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + length);
  writeFrameHeader(bytes, 0, { type, flags, streamId, length });
  return bytes;
}

export function settingsFrame(values: readonly (readonly [id: number, value: number])[]): Buffer {
  const bytes = start(frameType.settings, 0, values.length * 6);
  for (const [index, [id, value]] of values.entries()) {
    bytes.writeUInt16BE(id, frameHeaderBytes + index * 6);
    bytes.writeUInt32BE(value, frameHeaderBytes + index * 6 + 2);
  }
  return bytes;
}

export const settingsAck: Buffer = start(frameType.settings, 0, 0, flag.ack);

export const pingFrame: Buffer = Buffer.concat([start(frameType.ping, 0, 8).subarray(0, 9), Buffer.from("weft-xds")]);

export function pingAck(payload: Buffer): Buffer {
  const bytes = start(frameType.ping, 0, 8, flag.ack);
  payload.copy(bytes, frameHeaderBytes);
  return bytes;
}

export function resetFrame(streamId: number, code: ErrorName): Buffer {
  const bytes = start(frameType.reset, streamId, 4);
  bytes.writeUInt32BE(errorCode[code], frameHeaderBytes);
  return bytes;
}

export function windowUpdateFrame(streamId: number, increment: number): Buffer {
  const bytes = start(frameType.windowUpdate, streamId, 4);
  bytes.writeUInt32BE(increment, frameHeaderBytes);
  return bytes;
}

export function goAwayFrame(lastStreamId: number, code: ErrorName, debug: string): Buffer {
  const text = Buffer.from(debug, "utf8");
  const bytes = start(frameType.goAway, 0, 8 + text.length);
  bytes.writeUInt32BE(lastStreamId, frameHeaderBytes);
  bytes.writeUInt32BE(errorCode[code], frameHeaderBytes + 4);
  text.copy(bytes, frameHeaderBytes + 8);
  return bytes;
}

/** One HEADERS frame: the blocks that we send are shorter than any peer's largest frame. */
export function headersFrame(streamId: number, block: Buffer, flags: number): Buffer {
  const bytes = start(frameType.headers, streamId, block.length, flag.endHeaders | flags);
  block.copy(bytes, frameHeaderBytes);
  return bytes;
}

/** The nine bytes before a DATA frame's payload, which is written as it is. */
export function dataHeader(streamId: number, length: number, flags: number): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes);
  writeFrameHeader(bytes, 0, { type: frameType.data, flags, streamId, length });
  return bytes;
}
