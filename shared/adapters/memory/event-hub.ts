import type { HubSender, OpenHubTail } from "../../ports/event-hub.ts";

/** A hub in one process: readers get each batch in a later turn, in order, as a copy made through JSON like the real one. */
export interface MemoryHub {
  readonly sender: HubSender;
  readonly openTail: OpenHubTail;
  /** Batches in order, one at a time: what a trigger does. A failing batch is not repeated (the platform checkpoints anyway). */
  onBatch(handler: (messages: readonly unknown[]) => Promise<void>): void;
}

export function createMemoryHub(): MemoryHub {
  const tails = new Set<(message: unknown) => void>();
  const batchHandlers: ((messages: readonly unknown[]) => Promise<void>)[] = [];
  let queue: Promise<void> = Promise.resolve();
  const deliver = async (messages: readonly unknown[]): Promise<void> => {
    for (const tail of tails) for (const message of messages) tail(message);
    for (const handler of batchHandlers) await handler(messages);
  };
  return {
    sender: {
      async send(_key, messages) {
        const copies = messages.map((message) => JSON.parse(JSON.stringify(message)) as unknown);
        queue = queue.then(() => deliver(copies));
      },
      async [Symbol.asyncDispose]() {
        await queue;
      },
    },
    openTail(handlers) {
      tails.add(handlers.message);
      return {
        async [Symbol.asyncDispose]() {
          tails.delete(handlers.message);
        },
      };
    },
    onBatch(handler) {
      batchHandlers.push(handler);
    },
  };
}
