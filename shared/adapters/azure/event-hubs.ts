import { EventHubProducerClient, RetryMode, type RetryOptions } from "@azure/event-hubs";
import type { TokenCredential } from "@azure/identity";
import type { HubSender } from "../../ports/event-hub.ts";
import { MeshError } from "../../shell/mesh-error.ts";
import { withTimeLimit } from "../../shell/time-limit.ts";

export interface HubOptions {
  readonly connection:
    | { readonly connectionString: string }
    | { readonly namespace: string; readonly credential: TokenCredential };
  readonly hub: string;
}

/** A broken connection is made anew at once; the SDK's own 30 s between attempts are for those whom nobody awaits. */
const retryOptions: RetryOptions = {
  mode: RetryMode.Exponential,
  maxRetries: 3,
  retryDelayInMs: 250,
  maxRetryDelayInMs: 2_000,
};

/** For a whole send, in milliseconds. What was sent all the same is a duplicate, which has no effect; the SDK waits a minute for an answer. */
const sendLimit = 15_000;

/** For an orderly end, in milliseconds: of a hub that is gone the SDK may await the answer for ever. What is not closed by then ends with the process. */
const closeLimit = 3_000;

export function createEventHubSender({ connection, hub }: HubOptions): HubSender {
  const client =
    "connectionString" in connection
      ? new EventHubProducerClient(connection.connectionString, hub, { retryOptions })
      : new EventHubProducerClient(connection.namespace, hub, connection.credential, { retryOptions });
  return {
    async send(key, messages) {
      try {
        await client.sendBatch(
          messages.map((body) => ({ body })),
          { partitionKey: key, abortSignal: AbortSignal.timeout(sendLimit) },
        );
      } catch (error) {
        throw faultOf(error);
      }
    },
    [Symbol.asyncDispose]: () => inTime(client.close()),
  };
}

async function inTime(closing: Promise<void>): Promise<void> {
  try {
    await withTimeLimit("closing", closeLimit, closing);
  } catch (error) {
    if (MeshError.from(error).code !== "unavailable") throw error;
  }
}

function faultOf(error: unknown): MeshError {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  const text = `Event Hubs: ${message ?? String(error)}`;
  if (code === "ServerBusyError") return new MeshError("throttled", text, { cause: error });
  if (code === "MessageTooLargeError") return new MeshError("too-large", text, { cause: error });
  return new MeshError("unavailable", text, { cause: error });
}
