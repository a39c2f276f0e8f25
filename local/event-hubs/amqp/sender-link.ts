import type { Delivery, Receiver } from "rhea";
import type { Attached, Hub, Partition } from "../hub.ts";
import type { SendOutcome } from "../namespace.ts";
import { invalidArgument, type Refusal } from "../refusal.ts";
import type { Broker } from "./broker.ts";
import { readSent, type Sent } from "./event-message.ts";
import { MalformedMessage } from "./message-sections.ts";
import { handOverRaw, offerMaxMessageSize } from "./rhea-internals.ts";

const MAX_PARTITION_KEY_CHARACTERS = 128;

export interface SenderLinkOptions {
  /** Our end of the client's sender. */
  readonly receiver: Receiver;
  readonly address: string;
  readonly hub: Hub;
  /** Set when the client chose the partition. */
  readonly partition: Partition | undefined;
  readonly broker: Pick<Broker, "namespace" | "maxMessageBytes" | "report">;
  /** Breaks the client's connection. */
  readonly disconnect: () => void;
}

/**
 * Serves a client's sender until it is closed or the returned function is called: each transfer is appended as a whole to one
 * partition, then accepted; or rejected.
 */
export function serveSenderLink(options: SenderLinkOptions): { readonly stop: () => void; readonly link: Attached } {
  const { receiver, address, hub, partition, broker, disconnect } = options;
  const { maxMessageBytes } = broker;
  receiver.set_target({ address });
  offerMaxMessageSize(receiver, maxMessageBytes);
  handOverRaw(receiver);
  receiver.on("message", ({ message, delivery }: { readonly message: Buffer; readonly delivery: Delivery }) => {
    // What was on the way to a link that is closed is nobody's.
    if (!hub.senders.has(link)) return;
    void take(message, delivery.format).then((outcome) => answer(delivery, outcome));
  });
  const link: Attached = {
    close(reason) {
      stop();
      receiver.close({ ...reason });
    },
  };
  hub.senders.add(link);
  const stop = (): void => void hub.senders.delete(link);

  function answer(delivery: Delivery, outcome: SendOutcome): void {
    if (outcome.outcome === "unanswered") disconnect();
    // Who left does not wait for an answer, and its session may be gone.
    if (!hub.senders.has(link)) return;
    if (outcome.outcome === "accepted") delivery.accept();
    if (outcome.outcome === "refused") delivery.reject({ ...outcome.refusal });
    if (outcome.outcome === "detached") link.close(outcome.refusal);
  }

  async function take(payload: Buffer, format: number): Promise<SendOutcome> {
    if (payload.length > maxMessageBytes) {
      return refused({
        condition: "amqp:link:message-size-exceeded",
        description: `The received message (size:${payload.length} bytes) exceeds the limit (${maxMessageBytes} bytes) currently allowed on the link.`,
      });
    }
    try {
      const sent = readSent(payload, format);
      const refusal = checkKey(sent, partition);
      if (refusal !== undefined) return refused(refusal);
      return await broker.namespace.send({ hub, partition, ...sent });
    } catch (cause) {
      if (cause instanceof MalformedMessage)
        return refused({ condition: "amqp:decode-error", description: cause.message });
      broker.report(cause instanceof Error ? cause : new Error(String(cause)));
      return refused({
        condition: "amqp:internal-error",
        description: `The events could not be kept: ${String(cause)}`,
      });
    }
  }
  return { stop, link };
}

const refused = (refusal: Refusal): SendOutcome => ({ outcome: "refused", refusal });

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
