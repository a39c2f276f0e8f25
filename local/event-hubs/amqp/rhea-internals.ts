import type { Socket } from "node:net";
import type { Connection, Container, link, Receiver, Sender } from "rhea";

/**
 * The parts of rhea 3.0.5 that a server needs and its typings do not name, and the mending of what breaks one
 * (spec azure.md §3.4). Nothing else reaches into rhea.
 */

interface Frame {
  readonly channel: number;
  readonly performative: {
    handle?: number | undefined;
    message_format?: number | null;
    delivery_id?: number | null;
    more?: boolean | null;
  };
}

interface SessionInternals {
  readonly remote: { readonly handles: Record<number, link | undefined> };
  readonly incoming: { next_transfer_id: number; next_delivery_id: number | undefined };
  readonly outgoing: { available(): number };
}

interface ConnectionInternals {
  readonly remote_channel_map: Record<number, SessionInternals | undefined>;
  accept(socket: Socket): void;
  output(): void;
  on_disposition(frame: Frame): void;
  on_flow(frame: Frame): void;
  on_transfer(frame: Frame): void;
  on_detach(frame: Frame): void;
}

interface LinkInternals {
  readonly local: { readonly attach: { max_message_size?: number; snd_settle_mode?: number } };
  readonly credit: number;
  readonly delivery_count: number;
  readonly session: { readonly outgoing: { available(): number } };
}

/** What `handOverRaw` gives for a message of the standard format; rhea decodes format 0 itself. */
const RAW_FORMAT = 1;
const rawLinks = new WeakSet<link>();

/** Serves a socket. Producers' links hand over messages as bytes when they are named to `handOverRaw`. */
export function acceptSocket(container: Container, socket: Socket): Connection {
  const connection = container.create_connection({
    reconnect: false,
    max_frame_size: 65_536,
    receiver_options: { autoaccept: false },
  } as Parameters<Container["create_connection"]>[0]);
  guardFrames(connection as unknown as ConnectionInternals);
  stopWithSocket(connection as unknown as ConnectionInternals, socket);
  (connection as unknown as ConnectionInternals).accept(socket);
  return connection;
}

/** What rhea writes to a socket that is gone goes nowhere, but starts its heartbeat again, which nothing would end. */
function stopWithSocket(connection: ConnectionInternals, socket: Socket): void {
  const output = connection.output.bind(connection);
  connection.output = () => {
    if (!socket.destroyed) output();
  };
}

/** From now on the link's messages come as `Buffer`, whatever their format. */
export function handOverRaw(receiver: Receiver): void {
  rawLinks.add(receiver);
}

/**
 * A client that closes a session with deliveries in flight still sends dispositions and flows for it; rhea takes that
 * for a protocol error and drops the whole connection. What belongs to nothing open is ignored instead.
 */
function guardFrames(connection: ConnectionInternals): void {
  const onDisposition = connection.on_disposition.bind(connection);
  const onFlow = connection.on_flow.bind(connection);
  const onTransfer = connection.on_transfer.bind(connection);
  const onDetach = connection.on_detach.bind(connection);
  const sessionOf = (frame: Frame): SessionInternals | undefined => connection.remote_channel_map[frame.channel];

  connection.on_disposition = (frame) => {
    if (sessionOf(frame) !== undefined) onDisposition(frame);
  };
  connection.on_flow = (frame) => {
    const session = sessionOf(frame);
    if (session === undefined) return;
    // The flow of a closed link still tells the session's window.
    if (linkOf(session, frame) === undefined) frame.performative.handle = undefined;
    onFlow(frame);
  };
  connection.on_transfer = (frame) => {
    const session = sessionOf(frame);
    if (session === undefined) return;
    const receiver = linkOf(session, frame);
    if (receiver?.is_remote_open() !== true) {
      skipTransfer(session, frame);
      return;
    }
    if (rawLinks.has(receiver) && !frame.performative.message_format) frame.performative.message_format = RAW_FORMAT;
    onTransfer(frame);
  };
  connection.on_detach = (frame) => {
    const session = sessionOf(frame);
    if (session !== undefined && linkOf(session, frame)?.is_remote_open() === true) onDetach(frame);
  };
}

function linkOf(session: SessionInternals, { performative }: Frame): link | undefined {
  return session.remote.handles[performative.handle ?? -1];
}

/** Counts a transfer that nobody takes, so that the next one on the session is in sequence. */
function skipTransfer({ incoming }: SessionInternals, { performative }: Frame): void {
  incoming.next_transfer_id += 1;
  const id = performative.delivery_id;
  if (id !== undefined && id !== null && performative.more !== true) incoming.next_delivery_id = id + 1;
}

/** Told to the client in our attach; only has effect inside the open event. */
export function offerMaxMessageSize(receiver: Receiver, bytes: number): void {
  internals(receiver).local.attach.max_message_size = bytes;
}

/** Sends settled when the client asked for it in its attach; only has effect inside the open event. */
export function settleAsAsked(sender: Sender): void {
  if (sender.snd_settle_mode === 1) internals(sender).local.attach.snd_settle_mode = 1;
}

/**
 * Runs `send` once our attach is on its way. rhea writes queued messages before the attach of their link, so what is sent
 * inside the open event, or to a client that gives credit without waiting for our attach, would come too early.
 */
export function onceAttached(send: () => void): void {
  setImmediate(send);
}

/** How many messages may be sent without over-sending. */
export interface Credit {
  available(): number;
  /** One message was handed to rhea. */
  spend(): void;
}

/**
 * rhea lowers a link's credit only when it flushes, and one message queued without credit blocks every link of its session:
 * so what is handed over and not flushed yet is counted here, and nothing is queued beyond credit and buffer.
 */
export function countCredit(sender: Sender): Credit {
  const { session } = internals(sender);
  let handedOver = 0;
  return {
    available() {
      const { credit, delivery_count: flushed } = internals(sender);
      // A drain moves the delivery count past what was sent.
      handedOver = Math.max(handedOver, flushed);
      return Math.min(credit - (handedOver - flushed), session.outgoing.available());
    },
    spend() {
      handedOver += 1;
    },
  };
}

function internals(endpoint: link): LinkInternals {
  return endpoint as unknown as LinkInternals;
}
