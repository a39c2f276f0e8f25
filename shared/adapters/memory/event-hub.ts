import type { HubSender, OpenHubTail } from "../../ports/event-hub.ts";
import { MeshError } from "../../shell/mesh-error.ts";

/** Event Hubs', for one batch. */
const largestBatch = 1024 * 1024;

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
        const texts = messages.map((message) => JSON.stringify(message));
        const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        if (size > largestBatch) throw new MeshError("too-large", `the batch has ${size} bytes`);
        const copies = texts.map((text) => JSON.parse(text) as unknown);
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
