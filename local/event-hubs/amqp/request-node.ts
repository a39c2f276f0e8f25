import rhea, { type Delivery, type EventContext, type Message, type Receiver, type Sender } from "rhea";
import { onceAttached } from "./rhea-internals.ts";

/**
 * The request and reply that `$cbs` and `$management` share: the client attaches a sender and a receiver to the node, names
 * the receiver in `reply_to`, and finds its answer by correlation id (spec azure.md §3.1).
 */
export interface Request {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** The text of a property; empty when it is missing or something else. */
export function textOf({ properties }: Request, name: string): string {
  const value = properties[name];
  return typeof value === "string" ? value : "";
}

export interface Reply {
  /** As in HTTP. */
  readonly status: number;
  readonly description: string;
  readonly condition?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

export interface RequestNode {
  /** Takes the requests of a link that the client opened to the node. */
  takeRequests(receiver: Receiver): void;
  /** Sends answers over a link that the client opened from the node. */
  sendReplies(sender: Sender): void;
}

/** A request whose answer cannot be sent at once is rejected: nothing waits here. */
export function createRequestNode(address: string, answer: (request: Request) => Reply): RequestNode {
  const replyLinks = new Map<string, Sender>();

  function reply(message: Message, delivery: Delivery): void {
    const sender = replyLinks.get(message.reply_to ?? "");
    if (sender?.is_open() !== true || !sender.sendable()) {
      const description = `no receiver with credit at ${message.reply_to ?? "reply_to"}`;
      delivery.reject({ condition: "amqp:precondition-failed", description });
      return;
    }
    const { status, description, condition, body } = answer({
      properties: (message.application_properties ?? {}) as Record<string, unknown>,
      body: message.body as unknown,
    });
    delivery.accept();
    sender.send({
      ...(message.message_id === undefined ? {} : { correlation_id: message.message_id }),
      application_properties: {
        "status-code": rhea.types.wrap_int(status),
        "status-description": description,
        ...(condition === undefined ? {} : { "error-condition": rhea.types.wrap_symbol(condition) }),
      },
      body,
    });
  }

  return {
    takeRequests(receiver) {
      receiver.set_target({ address });
      receiver.on("message", ({ message, delivery }: EventContext) => {
        if (message !== undefined && delivery !== undefined) onceAttached(() => reply(message, delivery));
      });
    },
    sendReplies(sender) {
      sender.set_source({ address });
      const names = new Set([sender.name, sender.target?.address ?? sender.name]);
      for (const name of names) replyLinks.set(name, sender);
      sender.on("sender_close", () => {
        for (const name of names) replyLinks.delete(name);
      });
    },
  };
}
