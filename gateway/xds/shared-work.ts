import { fromDeltaRequest, toDeltaResponse } from "../../shared/core/stream/delta.ts";
import type { ProxyNode } from "../../shared/core/stream/proxy-node.ts";
import { createRecentRequests } from "../../shared/core/stream/recent-requests.ts";
import { decodeDeltaRequest, decodeSotwRequest } from "../../shared/core/stream/requests.ts";
import { createResponseMemo } from "../../shared/core/stream/response-memo.ts";
import { fromSotwRequest, toSotwResponse } from "../../shared/core/stream/sotw.ts";
import type { Stepped } from "../../shared/core/stream/step.ts";
import { createStepMemo } from "../../shared/core/stream/step-memo.ts";
import {
  type AbsentResources,
  createStream,
  type Send,
  type Stream,
  type StreamInput,
  type StreamProtocol,
  type StreamRequest,
  type StreamSettings,
} from "../../shared/core/stream/stream.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { createSharedClock, type SharedClock, standstill } from "./shared-clock.ts";
import { createTasting, type Tasting } from "./tasting.ts";
import { type CreateWakeTimer, createWakeTimers } from "./wake-timer.ts";

/** What a server does once for all of its streams: most of them are in the same position, hear the same and say the same. */
export interface SharedWork extends Disposable {
  /** A stream on which nothing has been said. */
  readonly begin: (protocol: StreamProtocol) => Stream;
  readonly step: (stream: Stream, input: StreamInput) => Stepped;
  /** Undefined: to be ignored. Throws a RangeError when the bytes are no request. */
  readonly read: (stream: Stream, bytes: Buffer) => StreamRequest | undefined;
  /** The first message of a stream: it tells the node, too. */
  readonly readFirst: (stream: Stream, bytes: Buffer) => FirstRequest;
  /** The same Buffer for the same message. `stream` is that which the step left. */
  readonly encode: (stream: Stream, send: Send) => Buffer;
  readonly time: SharedClock;
  readonly wakeTimer: CreateWakeTimer;
  readonly tasting: Tasting;
}

interface FirstRequest {
  readonly node: ProxyNode | undefined;
  readonly request: StreamRequest | undefined;
}

export interface SharedWorkOptions {
  readonly clock: Clock;
  readonly absent: AbsentResources;
  readonly stream: StreamSettings;
  /** How long others wait for the proxy that gets an unproven version first, in milliseconds. */
  readonly tasterPatienceMs: number;
}

/** Of responses that other streams may send, too. */
const rememberedBytes = 4 * 2 ** 20;
const sweepEvery = 1_000;
const notNode = { node: false };

export function createSharedWork(options: SharedWorkOptions): SharedWork {
  const { clock, absent } = options;
  // Nothing goes before connections had their whole time, though it began up to a moment later than the clock says.
  const settings = { ...options.stream, drainMs: options.stream.drainMs + standstill };
  const begun = {
    delta: createStream({ protocol: "delta", absent, settings }),
    sotw: createStream({ protocol: "sotw", absent, settings }),
  };
  const steps = createStepMemo(Object.values(begun));
  const sweep = (): void => {
    steps.sweep();
    timer = clock.after(sweepEvery, sweep);
  };
  let timer = clock.after(sweepEvery, sweep);
  const readDelta = createRecentRequests((bytes) => fromDeltaRequest(decodeDeltaRequest(bytes, notNode)));
  const readSotw = createRecentRequests((bytes) => decodeSotwRequest(bytes, notNode));
  return {
    begin: (protocol) => begun[protocol],
    step: steps.step,
    read: (stream, bytes) =>
      stream.protocol === "delta" ? readDelta(bytes) : fromSotwRequest(stream, readSotw(bytes)),
    readFirst,
    encode: createEncoding(),
    time: createSharedClock(clock),
    wakeTimer: createWakeTimers(clock),
    tasting: createTasting({ clock, patience: options.tasterPatienceMs }),
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}

function readFirst(stream: Stream, bytes: Buffer): FirstRequest {
  if (stream.protocol === "delta") {
    const message = decodeDeltaRequest(bytes);
    return { node: message.node, request: fromDeltaRequest(message) };
  }
  const message = decodeSotwRequest(bytes);
  return { node: message.node, request: fromSotwRequest(stream, message) };
}

/** Streams of one position share the message itself; such of several send messages with the same in them. */
function createEncoding(): SharedWork["encode"] {
  const memo = createResponseMemo(rememberedBytes);
  const encoded = new WeakMap<Send, Buffer>();
  return (stream, send) => {
    const known = encoded.get(send);
    if (known !== undefined) return known;
    const bytes =
      stream.protocol === "delta" ? toDeltaResponse(stream, send, memo) : toSotwResponse(stream, send, memo);
    encoded.set(send, bytes);
    return bytes;
  };
}
