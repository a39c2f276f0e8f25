import type { Socket } from "node:net";
import type { Connection, Container, EventContext, link, Receiver, Sender } from "rhea";
import { notFound, type Refusal } from "../refusal.ts";
import { resolveReceiverAddress, resolveSenderAddress } from "./address.ts";
import type { Broker } from "./broker.ts";
import { createClaims } from "./cbs.ts";
import { answerManagement } from "./management.ts";
import { serveReceiverLink } from "./receiver-link.ts";
import { createRequestNode } from "./request-node.ts";
import { acceptSocket } from "./rhea-internals.ts";
import { serveSenderLink } from "./sender-link.ts";

/** One client connection. Every client may open it (SASL ANONYMOUS); what it may do depends on its tokens. */
export interface AmqpConnection {
  /** Says goodbye and ends the socket, by force when the client does not answer. */
  close(): Promise<void>;
}

export interface AcceptOptions {
  readonly container: Container;
  readonly socket: Socket;
  readonly broker: Broker;
}

const GOODBYE_MS = 500;

/** Serves a socket: each link that the client opens goes to the file of its kind. */
export function acceptConnection({ container, socket, broker }: AcceptOptions): AmqpConnection {
  const connection = acceptSocket(container, socket);
  // Every reader of the connection may wait for the socket to drain.
  socket.setMaxListeners(0);
  const claims = createClaims(broker.now);
  const nodes = new Map([
    ["$cbs", createRequestNode("$cbs", (request) => claims.answer(request))],
    [
      "$management",
      createRequestNode("$management", (request) => answerManagement({ hubs: broker.hubs, claims }, request)),
    ],
  ]);
  const readers = new Map<Sender, () => void>();

  function openSender(receiver: Receiver): Refusal | undefined {
    const address = receiver.target?.address ?? "";
    const node = nodes.get(address);
    if (node !== undefined) {
      node.takeRequests(receiver);
      return undefined;
    }
    const resolved = resolveSenderAddress(broker.hubs, address);
    if ("refusal" in resolved) return resolved.refusal;
    const { hub, partition } = resolved.found;
    const unauthorized = claims.refusal(hub.name);
    if (unauthorized !== undefined) return unauthorized;
    serveSenderLink({ receiver, address, hub, partition, report: broker.report });
    return undefined;
  }

  function openReceiver(sender: Sender): Refusal | undefined {
    const address = sender.source?.address;
    if (typeof address !== "string") return notFound("");
    const node = nodes.get(address);
    if (node !== undefined) {
      node.sendReplies(sender);
      return undefined;
    }
    const resolved = resolveReceiverAddress(broker.hubs, address);
    if ("refusal" in resolved) return resolved.refusal;
    const { hub, partition, readers: rivals } = resolved.found;
    const unauthorized = claims.refusal(hub.name);
    if (unauthorized !== undefined) return unauthorized;
    const served = serveReceiverLink({ sender, address, partition, readers: rivals, socket, now: broker.now });
    if ("refusal" in served) return served.refusal;
    readers.set(sender, served.stop);
    return undefined;
  }

  function stopReaders(which: (sender: Sender) => boolean): void {
    for (const [sender, stop] of readers) {
      if (!which(sender)) continue;
      readers.delete(sender);
      stop();
    }
  }

  connection.on("receiver_open", ({ receiver }: EventContext) => receiver && refuse(receiver, openSender(receiver)));
  connection.on("sender_open", ({ sender }: EventContext) => sender && refuse(sender, openReceiver(sender)));
  connection.on("sender_close", ({ sender }: EventContext) => stopReaders((one) => one === sender));
  // A session that ends takes its links along without a word about them; so does a socket.
  connection.on("session_close", ({ session }: EventContext) => stopReaders((one) => one.session === session));
  socket.once("close", () => stopReaders(() => true));
  ignoreGoodbyes(connection);
  return { close: () => closeConnection(connection, socket) };
}

/** A refusal is an attach followed by a detach that tells why. */
function refuse(endpoint: link, refusal: Refusal | undefined): void {
  if (refusal !== undefined) endpoint.close({ ...refusal });
}

/** rhea prints or throws what nobody listens to; these say no more than that the client left. */
function ignoreGoodbyes(connection: Connection): void {
  for (const event of [
    "receiver_close",
    "receiver_error",
    "sender_error",
    "session_error",
    "connection_close",
    "connection_error",
    "disconnected",
  ]) {
    connection.on(event, () => {});
  }
}

async function closeConnection(connection: Connection, socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  const force = setTimeout(() => socket.destroy(), GOODBYE_MS);
  connection.close({ condition: "amqp:connection:forced", description: "The service is shutting down." });
  await closed;
  clearTimeout(force);
}
