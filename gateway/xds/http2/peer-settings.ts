import { ConnectionFault, defaultFrameSize, largestWindow, setting } from "./protocol.ts";

/**
 * The window of new streams after the peer's settings, of which nothing else matters to us: our header blocks use no table, and our frames are never longer than
 * the default, so that what streams share is cut alike for all. Throws a ConnectionFault when a value is out of its range (RFC 9113 §6.5.2).
 */
export function readInitialWindow(payload: Buffer, before: number): number {
  if (payload.length % 6 !== 0) throw new ConnectionFault("frameSize", "settings of a wrong length");
  let window = before;
  for (let at = 0; at < payload.length; at += 6) {
    const id = payload.readUInt16BE(at);
    const value = payload.readUInt32BE(at + 2);
    if (id === setting.enablePush && value > 1) throw new ConnectionFault("protocol", `push ${value}`);
    if (id === setting.maxFrameSize && (value < defaultFrameSize || value > 0xffffff)) {
      throw new ConnectionFault("protocol", `frames of ${value}`);
    }
    if (id === setting.initialWindowSize) {
      if (value > largestWindow) throw new ConnectionFault("flowControl", `a window of ${value}`);
      window = value;
    }
  }
  return window;
}
