import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { toDeltaResponse } from "../../shared/core/stream/delta.ts";
import { createResponseMemo } from "../../shared/core/stream/response-memo.ts";
import { step } from "../../shared/core/stream/step.ts";
import { createStepMemo, type StepMemo } from "../../shared/core/stream/step-memo.ts";
import { createStream, type Stream, type StreamInput, type StreamRequest } from "../../shared/core/stream/stream.ts";
import type { View, ViewResource } from "../../shared/core/stream/view.ts";
import { type EnvoyType, envoyTypes } from "../../shared/core/xds/resource.ts";
import type { BenchRow } from "./report.ts";
import { spreadOf } from "./statistics.ts";

const names = 7000;

/** One stream of thousands, without sockets: what a push of one resource costs it, and what it keeps when it is idle (docs/adr/0009 and design.md §9). */
export function benchStream(runs: number): readonly BenchRow[] {
  return [
    {
      what: `push of one of ${names} resources to a stream and its ACK`,
      value: pushCost(runs, createStepMemo([begun]).step),
      unit: "µs",
      budget: 5,
    },
    {
      what: "the same to a stream that stands where no other does",
      value: pushCost(runs, step),
      unit: "µs",
      budget: 30,
    },
    { what: `idle stream of ${names} names that share a view`, value: idleSize(500), unit: "KB", budget: 4 },
  ];
}

/** Half of the names are clusters, half their assignments. */
function createViews(): { readonly current: () => View; readonly change: () => View } {
  let generation = 1;
  const clusters = new Map(listOf("cluster").map((one) => [one.name, one]));
  let endpoints = new Map(listOf("endpoint").map((one) => [one.name, one]));
  let changed: readonly string[] = [];
  const view = (): View => {
    const perType = { cluster: clusters, endpoint: endpoints };
    const now = generation;
    const names = changed;
    return {
      generation,
      snapshotVersion: 1,
      resources: Object.fromEntries(
        envoyTypes.map((type) => [
          type,
          type in perType ? perType[type as "cluster"] : new Map<string, ViewResource>(),
        ]),
      ) as Record<EnvoyType, Map<string, ViewResource>>,
      changesSince: (since) => (since === now - 1 ? [{ type: "endpoint", names }] : undefined),
    };
  };
  let current = view();
  return {
    current: () => current,
    change() {
      generation += 1;
      const name = `shop/service-${generation % (names / 2)}/8080`;
      endpoints = new Map(endpoints).set(name, resource("endpoint", name, generation));
      changed = [name];
      current = view();
      return current;
    },
  };
}

function listOf(type: EnvoyType): readonly ViewResource[] {
  return Array.from({ length: names / 2 }, (_, index) => resource(type, `shop/service-${index}/8080`, 1));
}

function resource(type: EnvoyType, name: string, version: number): ViewResource {
  return { name, version: `${type}-${version}`, body: Buffer.alloc(500, name), proven: true };
}

const begun = createStream({ protocol: "delta", absent: () => "removed" });

/** A stream that has asked for all and acknowledged it. */
function settled(view: View, take: StepMemo["step"] = step): Stream {
  let stream: Stream = begun;
  const give = (input: StreamInput): void => {
    const { stream: next, outputs } = take(stream, input);
    stream = next;
    for (const one of outputs) if (one.kind === "send") give(request({ type: one.type, nonce: one.nonce }));
  };
  give({ kind: "view", now: 0, view });
  give(request({ type: "cluster" }));
  give(request({ type: "endpoint", subscribe: [...view.resources.endpoint.keys()] }));
  give(request({ type: "listener" }));
  return stream;
}

function request(some: Partial<StreamRequest> & Pick<StreamRequest, "type">): StreamInput {
  const empty = { subscribe: [], unsubscribe: [], held: new Map(), nonce: "", error: undefined };
  return { kind: "request", now: 0, request: { ...empty, ...some } };
}

/** CPU in microseconds for the view, the message and its answer; the views are made before. */
function pushCost(runs: number, take: StepMemo["step"]): number {
  const views = createViews();
  const memo = createResponseMemo(2 ** 20);
  const streams = Array.from({ length: 200 }, () => settled(views.current(), take));
  const times = Array.from({ length: runs + 5 }, () => {
    const view = views.change();
    const begun = process.cpuUsage();
    for (const [index, before] of streams.entries()) {
      const { stream, outputs } = take(before, { kind: "view", now: 0, view });
      const [send] = outputs;
      if (send?.kind !== "send") throw new Error("nothing is sent");
      toDeltaResponse(stream, send, memo);
      streams[index] = take(stream, request({ type: send.type, nonce: send.nonce })).stream;
    }
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / streams.length;
  });
  return spreadOf(times.slice(5)).p50;
}

/** KB. */
function idleSize(count: number): number {
  const { step: take } = createStepMemo([begun]);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const views = createViews();
  settled(views.current(), take);
  collect();
  const before = process.memoryUsage().heapUsed;
  const streams = Array.from({ length: count }, () => settled(views.current(), take));
  collect();
  return (process.memoryUsage().heapUsed - before) / streams.length / 1024;
}
