import { createPartitionLog, type PartitionLog } from "../../local/event-hubs/log/partition-log.ts";
import type {
  PartitionReader,
  PartitionSource,
  Position,
  ReceivedEvent,
} from "../../local/functions-host/event-hub/received-event.ts";
import type { HubSender, OpenHubTail } from "../../shared/ports/event-hub.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { Random } from "./random.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";
import type { Wire } from "./wire.ts";

/** What a hub does to messages that it took. Shares of the batches. */
export interface HubWeather {
  /** Taken, and gone: the tail that a failover loses. */
  lost: number;
  /** There twice, the second time later. */
  doubled: number;
  /** There after batches that were sent later. */
  overtaken: number;
  /** Not handed to a reader without a position. */
  unheard: number;
}

export interface SimulatedHub {
  readonly name: string;
  readonly weather: HubWeather;
  readonly sender: (actor: Actor) => HubSender;
  readonly tail: (actor: Actor) => OpenHubTail;
  /** Reads after the checkpoint of the group; whoever read before loses the partition some time after. */
  readonly read: (actor: Actor, signal: AbortSignal) => PartitionReader;
  readonly checkpoint: { position: Position | undefined };
  /** Puts a message in, without the wire. */
  readonly put: (texts: readonly string[]) => void;
  /** An empty hub of the same name. Its readers fail until somebody forgets the checkpoint, as the runbook says (azure.md §3). */
  readonly recreate: () => void;
}

/** Event Hubs', for one batch. */
const largestBatch = 1024 * 1024;

export function createSimulatedHub(
  name: string,
  parts: {
    readonly time: VirtualTime;
    readonly wire: Wire;
    readonly random: Random;
    /** What was sent together is read together. */
    readonly whole: boolean;
  },
): SimulatedHub {
  const { time, wire, random } = parts;
  const weather: HubWeather = { lost: 0, doubled: 0, overtaken: 0, unheard: 0 };
  const checkpoint: SimulatedHub["checkpoint"] = { position: undefined };
  const tails = new Set<(texts: readonly string[]) => void>();
  const readers = new Set<AbortController>();
  const newLog = (): PartitionLog => createPartitionLog({ now: () => time.now() });
  let log = newLog();
  const put = (texts: readonly string[]): void => {
    log.append(texts.map((text) => ({ bytes: Buffer.from(text, "utf8"), partitionKey: "cluster" })));
    for (const tail of tails) tail(texts);
  };
  const take = (texts: readonly string[]): void => {
    if (random.chance(weather.lost)) return;
    if (random.chance(weather.overtaken)) time.after(random.between(20, 4000), undefined, () => put(texts));
    else put(texts);
    if (random.chance(weather.doubled)) time.after(random.between(1, 20_000), undefined, () => put(texts));
  };
  return {
    name,
    weather,
    checkpoint,
    put,
    sender: (actor) => ({
      send(_key, messages) {
        const texts = messages.map((message) => JSON.stringify(message));
        const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        if (size > largestBatch) return Promise.reject(new MeshError("too-large", `the batch has ${size} bytes`));
        return wire.call(actor, { target: "hub", what: `send ${texts.length} to ${name}`, effect: () => take(texts) });
      },
      [Symbol.asyncDispose]: async () => undefined,
    }),
    tail: (actor) => (handlers) => {
      let free = 0;
      const deliver = (texts: readonly string[]): void => {
        if (random.chance(weather.unheard)) return;
        free = Math.max(free, time.now() + wire.delay("hub"));
        time.after(free - time.now(), actor, () => {
          if (tails.has(deliver)) for (const text of texts) handlers.message(JSON.parse(text));
        });
      };
      tails.add(deliver);
      return {
        async [Symbol.asyncDispose]() {
          tails.delete(deliver);
        },
      };
    },
    read(actor, signal) {
      // What was fetched before is handed over still, so for a while there are two owners.
      for (const other of readers) time.after(random.between(0, 15_000), undefined, () => other.abort());
      readers.clear();
      const lost = new AbortController();
      readers.add(lost);
      return createReader({ ...parts, actor, lost, log: () => log, checkpoint, ends: [signal, lost.signal] });
    },
    recreate() {
      log = newLog();
    },
  };
}

/** One partition is enough for one cluster. */
export const source: PartitionSource = { namespace: "simulated", hub: "", consumerGroup: "$Default", partition: "0" };

interface ReaderParts {
  readonly time: VirtualTime;
  readonly wire: Wire;
  readonly random: Random;
  readonly whole: boolean;
  readonly actor: Actor;
  readonly lost: AbortController;
  readonly log: () => PartitionLog;
  readonly checkpoint: { readonly position: Position | undefined };
  readonly ends: readonly AbortSignal[];
}

/** How long a reader waits after it was refused, or for the first event. Milliseconds. */
const patience = 1000;

function createReader({ time, wire, random, whole, actor, lost, log, checkpoint, ends }: ReaderParts): PartitionReader {
  let after: Position | undefined = checkpoint.position;
  let attached: PartitionLog | undefined;
  let next = 0;
  const locate = (): boolean => {
    if (attached === log()) return true;
    // The place in another log means nothing in this one, until somebody forgets it.
    if (attached !== undefined) after = checkpoint.position;
    const found = log().locate(
      after === undefined ? { from: "start" } : { from: "offset", value: Number(after.offset), inclusive: false },
    );
    if ("refused" in found) return false;
    attached = log();
    next = found.next;
    return true;
  };
  const ended = (): boolean => ends.some(({ aborted }) => aborted);
  const takeUpTo = (max: number): readonly ReceivedEvent[] => {
    const batch: ReceivedEvent[] = [];
    const count = whole ? max : random.between(1, max);
    for (; batch.length < count; next++) {
      const event = log().read(next);
      if (event === undefined) break;
      const { bytes, sequenceNumber, offset, enqueuedTime, partitionKey } = event;
      const rest = { properties: {}, systemProperties: {} };
      batch.push({ body: bytes, sequenceNumber, offset: String(offset), enqueuedTime, partitionKey, ...rest });
    }
    return batch;
  };
  return {
    lost: lost.signal,
    async receive(max, signal) {
      for (;;) {
        if (signal.aborted || ended()) return [];
        const delay = wire.delay("hub");
        const { promise, resolve } = Promise.withResolvers<void>();
        const there = locate() && log().read(next) !== undefined;
        using _ = time.after(there ? delay : patience, actor, resolve);
        const stop = there ? () => undefined : log().onAppend(() => void time.after(delay, actor, resolve));
        await promise;
        stop();
        if (!locate() || signal.aborted || ended()) continue;
        const batch = takeUpTo(whole ? max : Math.min(max, 12));
        if (batch.length > 0) return batch;
      }
    },
    async [Symbol.asyncDispose]() {
      lost.abort();
    },
  };
}
