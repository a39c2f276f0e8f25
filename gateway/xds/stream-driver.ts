import type { ProxyNode } from "../../shared/core/stream/proxy-node.ts";
import type {
  Stream,
  StreamInput,
  StreamOutput,
  StreamProtocol,
  StreamRequest,
} from "../../shared/core/stream/stream.ts";
import { envoyTypes } from "../../shared/core/xds/resource.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { GrpcStatus, XdsCall } from "./call.ts";
import { createLatestView } from "./latest-view.ts";
import { createOneAtATime } from "./one-at-a-time.ts";
import type { ProxyIdentity, ProxyReports, ViewFollowing, ViewSource } from "./ports.ts";
import type { SharedWork } from "./shared-work.ts";
import type { Taster } from "./tasting.ts";

export interface StreamDriverOptions {
  readonly call: XdsCall;
  readonly protocol: StreamProtocol;
  readonly proxy: ProxyIdentity;
  readonly views: ViewSource;
  readonly reports: ProxyReports;
  /** With all streams of the server. */
  readonly shared: SharedWork;
  readonly clock: Clock;
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
  const { call, proxy, clock, reports, protocol, shared } = options;
  const { time } = shared;
  let stream: Stream = shared.begin(protocol);
  let open = true;
  let connected = false;
  let following = notYet;
  let taster = notYetTasting;
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

  const give = createOneAtATime<StreamInput>((input) => {
    if (!open) return;
    const result = shared.step(stream, input);
    stream = result.stream;
    for (const output of result.outputs) put(options, { stream, following, taster }, output);
    if (open) wake.arm();
  });
  const passTime = guarded(options, fail, () => give({ kind: "time", now: time.move() }));
  const wake = shared.wakeTimer(
    () => stream.wakeAt,
    () => passTime(undefined),
  );
  life.push(wake);
  const judged = guarded(options, fail, (news: Pick<StreamInput & { kind: "verdicts" }, "type" | "verdicts">) =>
    give({ kind: "verdicts", now: time.now(), ...news }),
  );
  const meet = (bytes: Buffer): StreamRequest | undefined => {
    const { node = emptyNode, request } = shared.readFirst(stream, bytes);
    connected = true;
    reports.connected(proxy, { nodeId: node.id, envoyVersion: node.version, protocol });
    taster = shared.tasting.join(node.version, (type, verdicts) => judged({ type, verdicts }));
    life.push(taster);
    return request;
  };
  const take = (bytes: Buffer): void => {
    const request = connected ? shared.read(stream, bytes) : meet(bytes);
    if (request === undefined) return;
    give({ kind: "request", now: time.now(), request });
    if (request.subscribe.length === 0) return;
    if (envoyTypes.some((type) => stream.types[type].subscription.names.size > options.maxNames)) {
      fail("RESOURCE_EXHAUSTED", `more than ${options.maxNames} names of one type`);
    }
  };

  const latest = createLatestView(
    call,
    guarded(options, fail, (view) => give({ kind: "view", now: time.now(), view })),
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

function put(
  options: StreamDriverOptions,
  {
    stream,
    following,
    taster,
  }: { readonly stream: Stream; readonly following: ViewFollowing; readonly taster: Taster },
  output: StreamOutput,
): void {
  const { call, proxy, reports, shared } = options;
  switch (output.kind) {
    case "send":
      call.send(shared.encode(stream, output));
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
