import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { ServerStat } from "../xds-server/control.ts";
import { createLoadStream, type LoadStream } from "./load-stream.ts";
import type { LoadResults } from "./scenarios.ts";

/** The load client where there is no Go: does and prints what test/bench/peers/client does, but needs several times its CPU, so its times are no verdict. */

const { values } = parseArgs({
  options: {
    address: { type: "string", default: "" },
    control: { type: "string", default: "" },
    services: { type: "string", default: "100" },
    rounds: { type: "string", default: "11" },
    streams: { type: "string", default: "1000" },
    clusters: { type: "string", default: "1" },
    tls: { type: "boolean", default: false },
    sotw: { type: "boolean", default: false },
    reconnect: { type: "boolean", default: false },
  },
});

const services = Number(values.services);
const rounds = Number(values.rounds);
const warmup = 3;
/** Milliseconds without anything, before memory or CPU is read. */
const settle = { memory: 1_500, answers: 100 };

const fleet: LoadStream[] = [];
/** Of each stream since the first was opened, as if all had seen all. */
let expected = services;
let pending = 0;
let everybody = Promise.withResolvers<number>();

function expect(count: number): void {
  pending = count;
  everybody = Promise.withResolvers();
}

function arrived(): void {
  pending -= 1;
  if (pending === 0) everybody.resolve(performance.now());
}

async function get<Answer>(path: string): Promise<Answer> {
  const response = await fetch(`http://${values.control}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as Answer;
}

const stat = (): Promise<ServerStat> => get<ServerStat>("/stat");
const cpuOf = ({ cpu }: ServerStat): number => cpu.user + cpu.system;

async function grow(size: number): Promise<LoadResults["grown"][number]> {
  const begun = performance.now();
  // Those that come later have missed what was pushed before.
  const missed = expected - services;
  expect(size - fleet.length);
  const added = Array.from({ length: size - fleet.length }, (_, index) =>
    createLoadStream({
      id: `proxy-${fleet.length + index}`,
      address: values.address,
      tls: values.tls,
      sotw: values.sotw,
      onResources: (before, after) => {
        if (before + missed < expected && after + missed >= expected) arrived();
      },
    }),
  );
  fleet.push(...added);
  for (const stream of added) stream.open();
  const connectMs = (await everybody.promise) - begun;
  await pause(settle.memory);
  return { streams: size, connectMs, rss: (await stat()).rss };
}

/** Milliseconds to the last stream. */
async function push(clusters: number): Promise<number> {
  expect(fleet.length);
  expected += values.sotw ? services : clusters;
  const begun = performance.now();
  await get(`/push?clusters=${clusters}`);
  return (await everybody.promise) - begun;
}

async function pushes(clusters: number): Promise<LoadResults["pushed"][number]> {
  for (let round = 0; round < warmup; round++) await push(clusters);
  await pause(settle.answers);
  const before = await stat();
  const lastMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    lastMs.push(await push(clusters));
    await pause(settle.answers);
  }
  const cpuUs = (cpuOf(await stat()) - cpuOf(before)) / rounds / fleet.length;
  const begun = performance.now();
  for (let round = 0; round < rounds; round++) await push(clusters);
  const perSecond = (rounds * fleet.length * 1000) / (performance.now() - begun);
  await pause(settle.answers);
  return { lastMs, cpuUs, perSecond };
}

async function reconnect(): Promise<{ readonly ms: number; readonly resent: number }> {
  const received = (): number => fleet.reduce((sum, stream) => sum + stream.received, 0);
  const before = received();
  await Promise.all(fleet.map((stream) => stream.close()));
  while ((await stat()).streams > 0) await pause(10);
  const begun = performance.now();
  for (const stream of fleet) stream.open();
  while ((await stat()).streams < fleet.length) await pause(5);
  const ms = performance.now() - begun;
  await pause(settle.answers);
  return { ms, resent: received() - before };
}

const grown: LoadResults["grown"][number][] = [];
for (const size of values.streams.split(",")) grown.push(await grow(Number(size)));
const pushed: LoadResults["pushed"][number][] = [];
for (const clusters of values.clusters.split(",")) pushed.push(await pushes(Number(clusters)));
const results: LoadResults = { grown, pushed, ...(values.reconnect && { reconnected: await reconnect() }) };
process.stdout.write(`${JSON.stringify(results)}\n`);
await Promise.all(fleet.map((stream) => stream.close()));
