import { settingsFrame, windowUpdateFrame } from "./frames.ts";
import type { Http2Limits } from "./limits.ts";
import { defaultWindow, setting } from "./protocol.ts";

/** The settings that every connection begins with, and the rest of its window. */
export function encodeGreeting(limits: Http2Limits): Buffer {
  return Buffer.concat([
    settingsFrame([
      [setting.maxConcurrentStreams, limits.streams],
      [setting.initialWindowSize, limits.streamWindow],
      [setting.maxHeaderListSize, limits.headerBytes],
    ]),
    windowUpdateFrame(0, limits.connectionWindow - defaultWindow),
  ]);
}
