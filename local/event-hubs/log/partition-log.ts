/**
 * One partition: an append-only list of events with sequence numbers, offsets and enqueued times
 * (spec azure.md §3.1). It knows neither AMQP nor files; a `LogStore` keeps what it appends.
 */

/** An event as a producer sent it. `bytes` is one encoded AMQP message, never looked into here. */
export interface NewEvent {
  readonly bytes: Buffer;
  readonly partitionKey: string | undefined;
}

/** An event in its place. `offset` grows by the stored size, so it is never mistaken for the sequence number. */
export interface StoredEvent extends NewEvent {
  readonly sequenceNumber: number;
  readonly offset: number;
  /** Milliseconds since the epoch; never goes back within a partition. */
  readonly enqueuedTime: number;
}

/** Where a reader begins, as the service's selector filters say it. */
export type Position =
  | { readonly from: "start" }
  | { readonly from: "end" }
  | {
      readonly from: "offset" | "sequence-number" | "enqueued-time";
      readonly value: number;
      readonly inclusive: boolean;
    };

/** What `$management` tells about a partition. An empty one has -1 for the last positions and no last time. */
export interface PartitionProperties {
  readonly beginningSequenceNumber: number;
  readonly lastSequenceNumber: number;
  readonly lastOffset: number;
  readonly lastEnqueuedTime: number | undefined;
  readonly isEmpty: boolean;
}

/** Keeps appended events; throws when it cannot, and has then kept none of them. */
export interface LogStore {
  append(events: readonly StoredEvent[]): void;
  close(): void;
}

/** The first event to read, or why the service refuses the position. */
export type Located = { readonly next: number } | { readonly refused: string };

export interface PartitionLog {
  /** Appends all or nothing and tells every listener once, before it returns. */
  append(events: readonly NewEvent[]): readonly StoredEvent[];
  /** The event with this sequence number; undefined when it is not there yet (or no longer). */
  read(sequenceNumber: number): StoredEvent | undefined;
  locate(position: Position): Located;
  properties(): PartitionProperties;
  /** Calls `listener` after each append, synchronously; returns the way to stop. */
  onAppend(listener: () => void): () => void;
  close(): void;
}

export interface PartitionLogOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What was kept before, oldest first, without gaps. */
  readonly events?: readonly StoredEvent[];
  readonly store?: LogStore;
}

/** Bytes that an event takes beside its message; makes offsets differ even for empty messages. */
const RECORD_OVERHEAD = 64;

export function createPartitionLog({ now, events: kept = [], store }: PartitionLogOptions): PartitionLog {
  const events: StoredEvent[] = [...kept];
  const listeners = new Set<() => void>();
  const first = (): number => events[0]?.sequenceNumber ?? 0;
  const nextSequenceNumber = (): number => first() + events.length;

  function place(added: readonly NewEvent[]): readonly StoredEvent[] {
    const last = events.at(-1);
    const enqueuedTime = Math.max(now(), last?.enqueuedTime ?? 0);
    let offset = last === undefined ? 0 : endOf(last);
    return added.map((event, index) => {
      const stored = { ...event, sequenceNumber: nextSequenceNumber() + index, offset, enqueuedTime };
      offset = endOf(stored);
      return stored;
    });
  }

  return {
    append(added) {
      const placed = place(added);
      store?.append(placed);
      for (const event of placed) events.push(event);
      for (const listener of listeners) listener();
      return placed;
    },
    read: (sequenceNumber) => events[sequenceNumber - first()],
    locate: (position) => locate(events, nextSequenceNumber(), position),
    properties() {
      const last = events.at(-1);
      return {
        beginningSequenceNumber: first(),
        lastSequenceNumber: nextSequenceNumber() - 1,
        lastOffset: last?.offset ?? -1,
        lastEnqueuedTime: last?.enqueuedTime,
        isEmpty: last === undefined,
      };
    },
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      listeners.clear();
      store?.close();
    },
  };
}

function endOf(event: StoredEvent): number {
  return event.offset + RECORD_OVERHEAD + event.bytes.length;
}

/** The service refuses a position behind its last event, which is how a stale checkpoint shows itself after a hub was made anew. */
function locate(events: readonly StoredEvent[], end: number, position: Position): Located {
  switch (position.from) {
    case "start":
      return { next: events[0]?.sequenceNumber ?? end };
    case "end":
      return { next: end };
    case "enqueued-time":
      return { next: firstAfter(events, end, (event) => event.enqueuedTime, position) };
    case "offset": {
      const last = events.at(-1)?.offset ?? -1;
      if (position.value > last) {
        return {
          refused: `The supplied offset '${position.value}' is invalid. The last offset in the system is '${last}'`,
        };
      }
      return { next: firstAfter(events, end, (event) => event.offset, position) };
    }
    case "sequence-number": {
      if (position.value > end - 1) {
        return {
          refused: `The supplied sequence number '${position.value}' is invalid. The last sequence number in the system is '${end - 1}'`,
        };
      }
      return { next: firstAfter(events, end, (event) => event.sequenceNumber, position) };
    }
  }
}

/** Binary search: the sequence number of the first event whose key is above (or, inclusive, at) the value. */
function firstAfter(
  events: readonly StoredEvent[],
  end: number,
  key: (event: StoredEvent) => number,
  { value, inclusive }: { readonly value: number; readonly inclusive: boolean },
): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const event = events[middle];
    const wanted = event !== undefined && (inclusive ? key(event) >= value : key(event) > value);
    if (wanted) high = middle;
    else low = middle + 1;
  }
  return events[low]?.sequenceNumber ?? end;
}
