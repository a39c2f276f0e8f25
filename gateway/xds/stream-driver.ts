import { fromDeltaRequest, toDeltaResponse } from "../../shared/core/stream/delta.ts";
import type { ProxyNode } from "../../shared/core/stream/proxy-node.ts";
import { decodeDeltaRequest, decodeSotwRequest, type RequestParts } from "../../shared/core/stream/requests.ts";
import type { ResponseMemo } from "../../shared/core/stream/response-memo.ts";
import { fromSotwRequest, toSotwResponse } from "../../shared/core/stream/sotw.ts";
import { step } from "../../shared/core/stream/step.ts";
import {
  type AbsentResources,
  createStream,
  type Send,
  type Stream,
  type StreamInput,
  type StreamOutput,
  type StreamProtocol,
  type StreamRequest,
  type StreamSettings,
} from "../../shared/core/stream/stream.ts";
import { envoyTypes } from "../../shared/core/xds/resource.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { GrpcStatus, XdsCall } from "./call.ts";
import { createLatestView } from "./latest-view.ts";
import type { ProxyIdentity, ProxyReports, ViewFollowing, ViewSource } from "./ports.ts";
import type { Taster, Tasting } from "./tasting.ts";
import { createWakeTimer } from "./wake-timer.ts";

export interface StreamDriverOptions {
  readonly call: XdsCall;
  readonly protocol: StreamProtocol;
  readonly proxy: ProxyIdentity;
  readonly views: ViewSource;
  readonly reports: ProxyReports;
  readonly absent: AbsentResources;
  /** Of all streams together. */
  readonly responses: ResponseMemo;
  readonly tasting: Tasting;
  readonly clock: Clock;
  readonly settings: StreamSettings;
  /** Ends the stream gracefully. */
  readonly maxAgeMs: number;
  /** Most names that a proxy may subscribe to of one type; every one is remembered. */
  readonly maxNames: number;
  readonly onFault: (error: unknown) => void;
  readonly onEnd: () => void;
}

export interface StreamDriver {
  readonly call: XdsCall;
  /** Ends the stream with an ordinary status: the proxy connects again by itself. */
  end(reason: string): void;
}

/** Runs the pure machine of core/stream on one call: bytes in, bytes out, timers, reports. */
export function startStreamDriver(options: StreamDriverOptions): StreamDriver {
  const { call, proxy, clock, reports, protocol } = options;
  let stream: Stream = createStream({ protocol, absent: options.absent, settings: options.settings });
  let open = true;
  let connected = false;
  let following = notYet;
  let taster = notYetTasting;
  let stepping = false;
  /** What happened while the outputs of a step were being put. */
  const queue: StreamInput[] = [];
  const life: Disposable[] = [];

  const close = (reason: string, finish: () => void): void => {
    if (!open) return;
    open = false;
    for (const part of life) part[Symbol.dispose]();
    finish();
    if (connected) reports.disconnected(proxy, reason);
    options.onEnd();
  };
  const end = (reason: string): void => close(reason, () => call.end("OK"));
  const fail = (status: GrpcStatus, details: string): void => close(details, () => call.end(status, details));

  const give = (input: StreamInput): void => {
    queue.push(input);
    if (stepping) return;
    stepping = true;
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        if (!open) return;
        const result = step(stream, next);
        stream = result.stream;
        for (const output of result.outputs) put(options, { stream, following, taster }, output);
      }
    } finally {
      stepping = false;
    }
    if (open) wake.arm();
  };
  const passTime = (): void => give({ kind: "time", now: clock.monotonic() });
  const wake = createWakeTimer(clock, () => stream.wakeAt, passTime);
  life.push(wake);
  const judged = guarded(options, fail, (news: Pick<StreamInput & { kind: "verdicts" }, "type" | "verdicts">) =>
    give({ kind: "verdicts", now: clock.monotonic(), ...news }),
  );
  const take = (bytes: Buffer): void => {
    const message = decode(stream, bytes, { node: !connected });
    if (!connected) {
      connected = true;
      const node = message.node ?? emptyNode;
      reports.connected(proxy, { nodeId: node.id, envoyVersion: node.version, protocol });
      taster = options.tasting.join(node.version, (type, verdicts) => judged({ type, verdicts }));
      life.push(taster);
    }
    if (message.request === undefined) return;
    give({ kind: "request", now: clock.monotonic(), request: message.request });
    if (envoyTypes.some((type) => stream.types[type].subscription.names.size > options.maxNames)) {
      fail("RESOURCE_EXHAUSTED", `more than ${options.maxNames} names of one type`);
    }
  };

  const latest = createLatestView(
    call,
    guarded(options, fail, (view) => give({ kind: "view", now: clock.monotonic(), view })),
  );
  following = options.views.follow(proxy, {
    view: latest.view,
    end,
  });
  life.push(following);
  life.push(clock.after(options.maxAgeMs, () => end("maximum age")));
  // The view source may have ended the stream within the call.
  if (!open) for (const part of life) part[Symbol.dispose]();
  else
    call.listen({
      message: guarded(options, fail, take),
      drained: latest.drained,
      finished: () => end("the proxy ended the stream"),
      gone: (reason) => close(reason, () => {}),
    });
  return { call, end };
}

/** While the view source is being asked, nothing can be settled. */
const notYet: ViewFollowing = { settled: () => undefined, [Symbol.dispose]: () => undefined };

/** Before the proxy has said which Envoy it is, nothing is sent. */
const notYetTasting: Taster = {
  ask: () => undefined,
  acknowledged: () => undefined,
  refused: () => undefined,
  [Symbol.dispose]: () => undefined,
};

const emptyNode: ProxyNode = { id: "", cluster: "", version: "", metadata: {} };

interface Decoded {
  readonly node: ProxyNode | undefined;
  readonly request: StreamRequest | undefined;
}

function decode(stream: Stream, bytes: Buffer, parts: RequestParts): Decoded {
  if (stream.protocol === "delta") {
    const message = decodeDeltaRequest(bytes, parts);
    return { node: message.node, request: fromDeltaRequest(message) };
  }
  const message = decodeSotwRequest(bytes, parts);
  return { node: message.node, request: fromSotwRequest(stream, message) };
}

function put(
  options: StreamDriverOptions,
  {
    stream,
    following,
    taster,
  }: { readonly stream: Stream; readonly following: ViewFollowing; readonly taster: Taster },
  output: StreamOutput,
): void {
  const { call, proxy, reports } = options;
  switch (output.kind) {
    case "send":
      call.send(encode(options.responses, stream, output));
      return;
    case "ask":
      taster.ask(output.type, output.names);
      return;
    case "acknowledged":
      reports.acknowledged(proxy, { type: output.type, names: output.names });
      taster.acknowledged(output.type, output.names);
      return;
    case "refused":
      reports.refused(proxy, { type: output.type, names: output.names, message: output.message });
      taster.refused(output.type, output.names, output.message);
      return;
    case "withheld":
      reports.refused(proxy, { type: output.type, names: output.names, message: output.message });
      return;
    case "settled":
      reports.settled(proxy, { generation: output.generation, snapshotVersion: output.snapshotVersion });
      following.settled(output.generation);
      return;
  }
}

function encode(responses: ResponseMemo, stream: Stream, send: Send): Buffer {
  return stream.protocol === "delta"
    ? toDeltaResponse(stream, send, responses)
    : toSotwResponse(stream, send, responses);
}

/** Faults end the one stream they happen on: the sender's with a hint for its log, ours without details. */
function guarded<Value>(
  options: StreamDriverOptions,
  fail: (status: GrpcStatus, details: string) => void,
  handle: (value: Value) => void,
): (value: Value) => void {
  return (value) => {
    try {
      handle(value);
    } catch (error) {
      if (error instanceof RangeError) {
        fail("INVALID_ARGUMENT", `not a discovery request: ${error.message}`);
        return;
      }
      options.onFault(error);
      fail("INTERNAL", "fault in the gateway");
    }
  };
}
