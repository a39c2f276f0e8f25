import type { Socket } from "node:net";
import type { Connection, Container, EventContext, link, Receiver, Sender } from "rhea";
import type { Attached } from "../hub.ts";
import { notFound, type Refusal } from "../refusal.ts";
import type { Right } from "../shared-access-key.ts";
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
  const { namespace, clock, keys } = broker;
  const open = new Map<link, OpenLink>();
  const disconnect = (): void => void socket.destroy();
  const claims = createClaims({ clock, keys, onExpired: closeUncovered });
  const nodes = new Map([
    ["$cbs", createRequestNode("$cbs", (request) => claims.answer(request))],
    ["$management", createRequestNode("$management", (request) => answerManagement({ namespace, claims }, request))],
  ]);

  function openSender(receiver: Receiver): Refusal | undefined {
    const address = receiver.target?.address ?? "";
    const node = nodes.get(address);
    if (node !== undefined) {
      node.takeRequests(receiver);
      return undefined;
    }
    const resolved = resolveSenderAddress(namespace.hubs, address);
    if ("refusal" in resolved) return resolved.refusal;
    const { hub, partition } = resolved.found;
    const unauthorized = claims.refusal(hub.name, "send");
    if (unauthorized !== undefined) return unauthorized;
    const served = serveSenderLink({ receiver, address, hub, partition, broker, disconnect });
    open.set(receiver, { ...served, hub: hub.name, right: "send" });
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
    const resolved = resolveReceiverAddress(namespace.hubs, address);
    if ("refusal" in resolved) return resolved.refusal;
    const { hub, partition, group } = resolved.found;
    const unauthorized = claims.refusal(hub.name, "listen");
    if (unauthorized !== undefined) return unauthorized;
    const served = serveReceiverLink({ sender, address, hub, partition, group, socket, broker });
    if ("refusal" in served) return served.refusal;
    open.set(sender, { ...served, hub: hub.name, right: "listen" });
    return undefined;
  }

  function stopLinks(which: (one: link) => boolean): void {
    for (const [one, { stop }] of open) {
      if (!which(one)) continue;
      open.delete(one);
      stop();
    }
  }

  /** What no token covers any more is closed, as in the service. */
  function closeUncovered(): void {
    for (const [one, { hub, right, link: attached }] of open) {
      const refusal = claims.refusal(hub, right);
      if (refusal === undefined) continue;
      open.delete(one);
      attached.close(refusal);
    }
  }

  connection.on("receiver_open", ({ receiver }: EventContext) => receiver && refuse(receiver, openSender(receiver)));
  connection.on("sender_open", ({ sender }: EventContext) => sender && refuse(sender, openReceiver(sender)));
  connection.on("sender_close", ({ sender }: EventContext) => stopLinks((one) => one === sender));
  connection.on("receiver_close", ({ receiver }: EventContext) => stopLinks((one) => one === receiver));
  // A session that ends takes its links along without a word about them; so does a socket.
  connection.on("session_close", ({ session }: EventContext) => stopLinks((one) => one.session === session));
  socket.once("close", () => {
    stopLinks(() => true);
    claims[Symbol.dispose]();
  });
  ignoreGoodbyes(connection);
  return { close: () => closeConnection(connection, socket) };
}

/** A link to a hub, with what its token must cover. */
interface OpenLink {
  readonly hub: string;
  readonly right: Right;
  readonly link: Attached;
  readonly stop: () => void;
}

/** A refusal is an attach followed by a detach that tells why. */
function refuse(endpoint: link, refusal: Refusal | undefined): void {
  if (refusal !== undefined) endpoint.close({ ...refusal });
}

/** rhea prints or throws what nobody listens to; these say no more than that the client left. */
function ignoreGoodbyes(connection: Connection): void {
  for (const event of [
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
