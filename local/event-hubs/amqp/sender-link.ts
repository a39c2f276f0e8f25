import type { Delivery, Receiver } from "rhea";
import type { Hub, Partition } from "../hub.ts";
import { invalidArgument, type Refusal } from "../refusal.ts";
import type { Broker } from "./broker.ts";
import { readSent, type Sent } from "./event-message.ts";
import { MalformedMessage } from "./message-sections.ts";
import { handOverRaw, offerMaxMessageSize } from "./rhea-internals.ts";

/** The largest transfer, in bytes; `createBatch` of the SDK fills up to what the attach says (spec azure.md §3.1). */
const MAX_MESSAGE_BYTES = 1_048_576;
const MAX_PARTITION_KEY_CHARACTERS = 128;

export interface SenderLinkOptions {
  /** Our end of the client's sender. */
  readonly receiver: Receiver;
  readonly address: string;
  readonly hub: Hub;
  /** Set when the client chose the partition. */
  readonly partition: Partition | undefined;
  readonly report: Broker["report"];
}

/** Serves a client's sender: each transfer is appended as a whole to one partition, then accepted; or rejected. */
export function serveSenderLink({ receiver, address, hub, partition, report }: SenderLinkOptions): void {
  receiver.set_target({ address });
  offerMaxMessageSize(receiver, MAX_MESSAGE_BYTES);
  handOverRaw(receiver);
  receiver.on("message", ({ message, delivery }: { readonly message: Buffer; readonly delivery: Delivery }) => {
    const refusal = append(message, delivery.format);
    if (refusal === undefined) delivery.accept();
    else delivery.reject({ ...refusal });
  });

  function append(payload: Buffer, format: number): Refusal | undefined {
    if (payload.length > MAX_MESSAGE_BYTES) {
      return {
        condition: "amqp:link:message-size-exceeded",
        description: `The received message (size:${payload.length} bytes) exceeds the limit (${MAX_MESSAGE_BYTES} bytes) currently allowed on the link.`,
      };
    }
    try {
      const sent = readSent(payload, format);
      const refusal = checkKey(sent, partition);
      if (refusal !== undefined) return refusal;
      (partition ?? hub.partitionFor(sent.partitionKey)).log.append(sent.events);
      return undefined;
    } catch (cause) {
      if (cause instanceof MalformedMessage) return { condition: "amqp:decode-error", description: cause.message };
      report(cause instanceof Error ? cause : new Error(String(cause)));
      return { condition: "amqp:internal-error", description: `The events could not be kept: ${String(cause)}` };
    }
  }
}

function checkKey({ partitionKey }: Sent, partition: Partition | undefined): Refusal | undefined {
  if (partitionKey === undefined) return undefined;
  if (partition !== undefined) {
    return { condition: "amqp:not-allowed", description: "A partition key cannot be set when sending to a partition." };
  }
  if (partitionKey.length > MAX_PARTITION_KEY_CHARACTERS) {
    return invalidArgument(`The partition key is longer than ${MAX_PARTITION_KEY_CHARACTERS} characters.`);
  }
  return undefined;
}
