import {
  EventHubConsumerClient,
  EventHubProducerClient,
  type EventPosition,
  earliestEventPosition,
  type MessagingError,
  type ReceivedEventData,
  type Subscription,
} from "@azure/event-hubs";

/** The unmodified SDK around a stand-in, as the contract tests of Event Hubs use it. */

export const HUB = "mesh-events";
export const PARTITIONS = 4;
export const hubs = [{ name: HUB, partitionCount: PARTITIONS, consumerGroups: ["gateway"] }];
/** No test is to hide a failure behind the SDK's retries. */
const retryOptions = { maxRetries: 0, timeoutInMs: 30_000 };
/** For tests in which the SDK is to overcome something. */
export const patience = { maxRetries: 20, retryDelayInMs: 50, maxRetryDelayInMs: 200, timeoutInMs: 30_000 };
export const options = { timeout: 120_000 };

interface Connected {
  readonly connectionString: string;
}

/**
 * The SDK loses sight of the timer that renews a link's token when it opens the link again, and would keep the process for 45 minutes.
 * Timers that long do not count here.
 */
function letLongTimersGo(): void {
  const longest = 10 * 60_000;
  globalThis.setTimeout = new Proxy(globalThis.setTimeout, {
    apply(start, self, args: Parameters<typeof globalThis.setTimeout>) {
      const timer = Reflect.apply(start, self, args) as NodeJS.Timeout;
      return (args[1] ?? 0) > longest ? timer.unref() : timer;
    },
  });
}

letLongTimersGo();

/** Clients that are closed together, after the tests of a file. */
export interface Clients extends AsyncDisposable {
  producer(
    of: Connected,
    more?: { readonly hub?: string; readonly retry?: typeof retryOptions },
  ): EventHubProducerClient;
  consumer(
    of: Connected,
    more?: { readonly hub?: string; readonly group?: string; readonly retry?: typeof retryOptions },
  ): EventHubConsumerClient;
}

export function createClients(): Clients {
  const open = new AsyncDisposableStack();
  return {
    producer(of, { hub = HUB, retry = retryOptions } = {}) {
      const client = new EventHubProducerClient(of.connectionString, hub, { retryOptions: retry });
      open.defer(() => client.close());
      return client;
    },
    consumer(of, { hub = HUB, group = "$Default", retry = retryOptions } = {}) {
      const client = new EventHubConsumerClient(group, of.connectionString, hub, { retryOptions: retry });
      open.defer(() => client.close());
      return client;
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

export interface Reading extends AsyncDisposable {
  readonly events: readonly ReceivedEventData[];
  /** Resolves when the reader has seen so many events; rejects with its first error. */
  seen(count: number): Promise<readonly ReceivedEventData[]>;
  /** Resolves with the first error that the reader gets. */
  readonly failed: Promise<MessagingError>;
  readonly subscription: Subscription;
}

interface ReadOptions {
  readonly partition?: string;
  readonly from?: EventPosition;
  readonly ownerLevel?: number;
  readonly trackLastEnqueuedEventProperties?: boolean;
  readonly onLast?: (sequenceNumber: number | undefined) => void;
}

export function read(
  client: EventHubConsumerClient,
  { partition, from = earliestEventPosition, onLast, ...rest }: ReadOptions,
): Reading {
  const events: ReceivedEventData[] = [];
  const failure = Promise.withResolvers<MessagingError>();
  const waiting: {
    count: number;
    resolve: (seen: readonly ReceivedEventData[]) => void;
    reject: (error: Error) => void;
  }[] = [];
  const handlers = {
    processEvents: async (
      batch: ReceivedEventData[],
      context: { lastEnqueuedEventProperties?: { sequenceNumber?: number } },
    ) => {
      events.push(...batch);
      if (batch.length > 0) onLast?.(context.lastEnqueuedEventProperties?.sequenceNumber);
      for (const { count, resolve } of waiting) if (events.length >= count) resolve([...events]);
    },
    processError: async (error: Error) => {
      failure.resolve(error as MessagingError);
      for (const { reject } of waiting) reject(error);
    },
  };
  const all = { ...rest, startPosition: from, maxBatchSize: 100 };
  const subscription =
    partition === undefined ? client.subscribe(handlers, all) : client.subscribe(partition, handlers, all);
  return {
    events,
    failed: failure.promise,
    subscription,
    seen: (count) =>
      new Promise((resolve, reject) => {
        if (events.length >= count) resolve([...events]);
        else waiting.push({ count, resolve, reject });
      }),
    [Symbol.asyncDispose]: () => subscription.close(),
  };
}

export const bodies = (events: readonly ReceivedEventData[]): unknown[] => events.map((event) => event.body as unknown);
export const code = (expected: string) => (error: unknown) => (error as MessagingError).code === expected;
