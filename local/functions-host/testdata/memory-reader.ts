import type { PartitionReader, PartitionSource, Position, ReceivedEvent } from "../event-hub/received-event.ts";

/** A partition in memory: what a test appends can be read, and another reader can take it over. */
export interface MemoryPartition {
  append(...bodies: readonly unknown[]): void;
  open(after?: Position): PartitionReader;
  /** Ends every open reader as a second owner would. */
  steal(): void;
}

export const memorySource: PartitionSource = {
  namespace: "memory",
  hub: "events",
  consumerGroup: "$Default",
  partition: "0",
};

export function toEvent(sequenceNumber: number, body: unknown, partitionKey?: string): ReceivedEvent {
  return {
    body: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
    sequenceNumber,
    offset: String(sequenceNumber * 100),
    enqueuedTime: Date.UTC(2026, 0, 1) + sequenceNumber,
    partitionKey,
    properties: {},
    systemProperties: {},
  };
}

export function createMemoryPartition(): MemoryPartition {
  const events: ReceivedEvent[] = [];
  let appended = Promise.withResolvers<void>();
  let losing = new AbortController();

  return {
    append(...bodies) {
      for (const body of bodies) events.push(toEvent(events.length, body));
      appended.resolve();
      appended = Promise.withResolvers();
    },
    steal() {
      losing.abort();
      losing = new AbortController();
      appended.resolve();
      appended = Promise.withResolvers();
    },
    open(after) {
      const lost = losing.signal;
      let next = after === undefined ? 0 : after.sequenceNumber + 1;
      return {
        lost,
        async receive(max, signal) {
          while (next >= events.length && !signal.aborted && !lost.aborted) {
            const aborted = Promise.withResolvers<void>();
            const onAbort = (): void => aborted.resolve();
            signal.addEventListener("abort", onAbort, { once: true });
            await Promise.race([appended.promise, aborted.promise]);
            signal.removeEventListener("abort", onAbort);
          }
          if (signal.aborted || lost.aborted) return [];
          const taken = events.slice(next, next + max);
          next += taken.length;
          return taken;
        },
        async [Symbol.asyncDispose]() {
          return undefined;
        },
      };
    },
  };
}
