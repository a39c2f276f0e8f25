import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { CallListener, XdsCall } from "../../../gateway/xds/call.ts";
import type { ProxyReports, ViewListener } from "../../../gateway/xds/ports.ts";
import { createSharedWork } from "../../../gateway/xds/shared-work.ts";
import { startStreamDriver } from "../../../gateway/xds/stream-driver.ts";
import { defaultStreamSettings } from "../../../shared/core/stream/stream.ts";
import { absentResource } from "../../../shared/core/xds/absent.ts";
import { encode } from "../../../shared/core/xds/encode.ts";
import { DeltaDiscoveryRequest } from "../../../shared/core/xds/gen/envoy/service/discovery/v3/discovery.ts";
import { typeUrls } from "../../../shared/core/xds/resource.ts";
import { systemClock } from "../../../shared/shell/system-clock.ts";
import { medianOf } from "../statistics.ts";
import { createFleetView } from "../xds-server/fleet-view.ts";
import { readResponse } from "./responses.ts";

/** What the streams cost by themselves: as many as asked for in this process, all of the gateway but the transport. One line of JSON tells. */
export interface SimulatedResults {
  readonly streams: number;
  /** KB for each idle one: slope of resident memory, from a quarter of them to all. */
  readonly memory: number;
  /** Microseconds of CPU for a push of one cluster to one of them, and its ACK. */
  readonly push: number;
}

const services = 100;
const rounds = 11;

const fleet = createFleetView(services);
const followers = new Set<ViewListener>();
const shared = createSharedWork({
  clock: systemClock,
  absent: absentResource,
  stream: defaultStreamSettings,
  tasterPatienceMs: 250,
});
/** Responses to what was just pushed, to be answered. */
const unanswered: { readonly listener: CallListener; readonly message: Buffer }[] = [];

const reports: ProxyReports = {
  connected: () => undefined,
  disconnected: () => undefined,
  settled: () => undefined,
  acknowledged: () => undefined,
  refused: () => undefined,
};

function connect(index: number): void {
  let listener: CallListener | undefined;
  const call: XdsCall = {
    address: "127.0.0.1",
    open: true,
    behind: false,
    header: () => undefined,
    listen(to) {
      listener = to;
    },
    send(message) {
      if (listener !== undefined) unanswered.push({ listener, message });
    },
    end: (status, message) => {
      throw new Error(`stream ${index} ended: ${status} ${message}`);
    },
  };
  const pod = `p${index}`;
  startStreamDriver({
    call,
    protocol: "delta",
    proxy: { proxy: `bench/${pod}`, namespace: "bench", pod, podUid: pod, serviceAccount: "bench" },
    views: {
      follow(_proxy, follower) {
        followers.add(follower);
        follower.view(fleet.current);
        return { settled: () => undefined, [Symbol.dispose]: () => followers.delete(follower) };
      },
    },
    reports,
    shared,
    clock: systemClock,
    maxAgeMs: 3_600_000,
    maxNames: 50_000,
    onFault: (error) => {
      throw error;
    },
    onEnd: () => undefined,
  });
  const first = { typeUrl: typeUrls.cluster, node: { id: pod, cluster: "bench", userAgentName: "envoy" } };
  listener?.message(Buffer.from(encode(DeltaDiscoveryRequest, first as DeltaDiscoveryRequest)));
}

/** The nonce is that of every stream in the same position, so its answer is encoded once. */
const answers = new Map<Buffer, Buffer>();

function answerAll(): number {
  const count = unanswered.length;
  for (const { listener, message } of unanswered.splice(0)) {
    let answer = answers.get(message);
    if (answer === undefined) {
      const request = { typeUrl: typeUrls.cluster, responseNonce: readResponse(message).nonce };
      answer = Buffer.from(encode(DeltaDiscoveryRequest, request as DeltaDiscoveryRequest));
      answers.set(message, answer);
    }
    listener.message(answer);
  }
  answers.clear();
  return count;
}

function push(): number {
  const view = fleet.change(1);
  const begun = process.cpuUsage();
  for (const follower of followers) follower.view(view);
  if (answerAll() !== followers.size) throw new Error("a change did not reach every stream once");
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / followers.size;
}

function idleMemory(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage.rss();
}

function main(streams: number): SimulatedResults {
  const grow = (to: number): void => {
    while (followers.size < to) {
      connect(followers.size);
      while (unanswered.length > 0) answerAll();
    }
  };
  const few = Math.ceil(streams / 4);
  grow(few);
  push();
  const before = idleMemory();
  grow(streams);
  const memory = (idleMemory() - before) / (streams - few) / 1000;
  const times = Array.from({ length: rounds + 2 }, push).slice(2);
  return { streams, memory, push: medianOf(times) };
}

process.stdout.write(`${JSON.stringify(main(Number(process.argv[2] ?? 20_000)))}\n`);
