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
  /** Events before this sequence number are wanted no more; it may keep some of them. */
  dropBefore(sequenceNumber: number): void;
  /** This event and all after it are gone, also after a restart. */
  dropFrom(sequenceNumber: number): void;
  /** Nothing is left, and sequence numbers begin with 0 again. */
  clear(): void;
  close(): void;
}

/** How long and how much is kept; without a limit, for ever. */
export interface Retention {
  /** Events older than this are gone. Milliseconds. */
  readonly age?: number;
  /** The oldest go when messages take more than this, the newest never. Bytes of a partition. */
  readonly bytes?: number;
}

/** The first event to read, or why the service refuses the position. */
export type Located = { readonly next: number } | { readonly refused: string };

export interface PartitionLog {
  /** Appends all or nothing and tells every listener once, before it returns. */
  append(events: readonly NewEvent[]): readonly StoredEvent[];
  /** The event with this sequence number, or the next that is still kept; undefined when none is there yet. */
  read(sequenceNumber: number): StoredEvent | undefined;
  locate(position: Position): Located;
  properties(): PartitionProperties;
  /** The newest events are lost, as after a failover; their sequence numbers are given again. */
  loseTail(count: number): void;
  /** Nothing is left and all counting begins anew, as in a hub that was made again. */
  clear(): void;
  /** Calls `listener` after each append, synchronously; returns the way to stop. */
  onAppend(listener: () => void): () => void;
  close(): void;
}

export interface PartitionLogOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What was kept before, oldest first, without gaps. */
  readonly events?: readonly StoredEvent[];
  /** The sequence number that comes next where no event says it. */
  readonly next?: number;
  readonly store?: LogStore;
  readonly retention?: Retention;
}

/** Bytes that an event takes beside its message; makes offsets differ even for empty messages. */
const RECORD_OVERHEAD = 64;

/** Where a partition ends; known also when all of its events have expired. */
interface End {
  readonly sequenceNumber: number;
  readonly offset: number;
  readonly lastOffset: number;
  readonly lastTime: number | undefined;
}

const beginningAt = (sequenceNumber: number): End => ({
  sequenceNumber,
  offset: 0,
  lastOffset: -1,
  lastTime: undefined,
});

export function createPartitionLog(options: PartitionLogOptions): PartitionLog {
  const { now, store, retention = {} } = options;
  const events: StoredEvent[] = [...(options.events ?? [])];
  const listeners = new Set<() => void>();
  let end = endAfter(events.at(-1), options.next ?? 0);
  let bytes = sizeOf(events);

  function expire(): void {
    const oldest = retention.age === undefined ? -Infinity : now() - retention.age;
    let count = 0;
    for (const event of events) {
      const tooMuch = bytes > (retention.bytes ?? Infinity) && count < events.length - 1;
      if (event.enqueuedTime >= oldest && !tooMuch) break;
      bytes -= event.bytes.length;
      count += 1;
    }
    if (count === 0) return;
    events.splice(0, count);
    store?.dropBefore(first());
  }

  const first = (): number => events[0]?.sequenceNumber ?? end.sequenceNumber;

  function place(added: readonly NewEvent[]): readonly StoredEvent[] {
    const enqueuedTime = Math.max(now(), end.lastTime ?? 0);
    let { offset } = end;
    return added.map((event, index) => {
      const stored = { ...event, sequenceNumber: end.sequenceNumber + index, offset, enqueuedTime };
      offset = offsetAfter(stored);
      return stored;
    });
  }

  return {
    append(added) {
      const placed = place(added);
      store?.append(placed);
      for (const event of placed) events.push(event);
      end = endAfter(placed.at(-1), end.sequenceNumber);
      bytes += sizeOf(placed);
      expire();
      for (const listener of listeners) listener();
      return placed;
    },
    read(sequenceNumber) {
      expire();
      return events[Math.max(0, sequenceNumber - first())];
    },
    locate(position) {
      expire();
      return locate(events, end, position);
    },
    properties() {
      expire();
      return {
        beginningSequenceNumber: first(),
        lastSequenceNumber: end.sequenceNumber - 1,
        lastOffset: end.lastOffset,
        lastEnqueuedTime: end.lastTime,
        isEmpty: events.length === 0,
      };
    },
    loseTail(count) {
      const from = Math.max(first(), end.sequenceNumber - count);
      bytes -= sizeOf(events.splice(from - first()));
      store?.dropFrom(from);
      end = endAfter(events.at(-1), from);
    },
    clear() {
      events.length = 0;
      bytes = 0;
      store?.clear();
      end = beginningAt(0);
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

function sizeOf(events: readonly StoredEvent[]): number {
  return events.reduce((sum, event) => sum + event.bytes.length, 0);
}

function endAfter(last: StoredEvent | undefined, otherwise: number): End {
  if (last === undefined) return beginningAt(otherwise);
  return {
    sequenceNumber: last.sequenceNumber + 1,
    offset: offsetAfter(last),
    lastOffset: last.offset,
    lastTime: last.enqueuedTime,
  };
}

function offsetAfter(event: StoredEvent): number {
  return event.offset + RECORD_OVERHEAD + event.bytes.length;
}

/** The service refuses a position behind its last event, which is how a stale checkpoint shows itself after a hub was made anew. */
function locate(events: readonly StoredEvent[], tail: End, position: Position): Located {
  const { sequenceNumber: end, lastOffset: last } = tail;
  switch (position.from) {
    case "start":
      return { next: events[0]?.sequenceNumber ?? end };
    case "end":
      return { next: end };
    case "enqueued-time":
      return { next: firstAfter(events, end, (event) => event.enqueuedTime, position) };
    case "offset": {
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
