import type { Sender } from "rhea";
import type { AttachedReader, Partition } from "../hub.ts";
import { admitReader } from "../readers.ts";
import { invalidArgument, type Refusal } from "../refusal.ts";
import { type RuntimeMetrics, toDelivery } from "./event-message.ts";
import { countCredit, onceAttached, settleAsAsked } from "./rhea-internals.ts";
import { parseSelector, SELECTOR_FILTER } from "./selector.ts";

const EPOCH = "com.microsoft:epoch";
const RECEIVER_NAME = "com.microsoft:receiver-name";
const RUNTIME_METRIC = "com.microsoft:enable-receiver-runtime-metric";
/** A reader with a long backlog and much credit gives others a turn after this many bytes. */
const BYTES_PER_TURN = 1_048_576;

export interface ReceiverLinkOptions {
  /** Our end of the client's receiver. */
  readonly sender: Sender;
  readonly address: string;
  readonly partition: Partition;
  /** The readers of this partition in the client's consumer group. */
  readonly readers: Set<AttachedReader>;
  readonly socket: Backpressure;
  readonly now: () => number;
}

/** The part of a socket that tells when enough waits to be written. */
export interface Backpressure {
  readonly writableNeedDrain: boolean;
  once(event: "drain", listener: () => void): unknown;
}

/** Serves a client's receiver until the returned function is called; or says why not, when the link must be closed with it. */
export function serveReceiverLink(
  options: ReceiverLinkOptions,
): { readonly stop: () => void } | { readonly refusal: Refusal } {
  const { sender, address, partition, readers } = options;
  sender.set_source({ address });
  settleAsAsked(sender);
  const position = parseSelector(selectorOf(sender));
  if (position === undefined)
    return { refusal: invalidArgument(`The filter '${selectorOf(sender)}' is not understood.`) };
  const located = partition.log.locate(position);
  if ("refused" in located) return { refusal: invalidArgument(located.refused) };

  const { [EPOCH]: epoch, [RECEIVER_NAME]: name } = (sender.properties ?? {}) as Readonly<Record<string, unknown>>;
  const reader: AttachedReader = {
    name: typeof name === "string" ? name : "nil",
    epoch: typeof epoch === "number" ? epoch : undefined,
    close(reason) {
      stop();
      sender.close({ ...reason });
    },
  };
  const admission = admitReader([...readers], reader);
  if (!admission.admitted) return { refusal: admission.refusal };
  for (const loser of admission.stolen) loser.close(admission.reason);
  readers.add(reader);
  const stopDelivering = deliver(options, located.next);
  function stop(): void {
    readers.delete(reader);
    stopDelivering();
  }
  return { stop };
}

/** Sends from `next` on, as credit allows: at once when something is appended or credit comes. */
function deliver({ sender, partition, socket, now }: ReceiverLinkOptions, start: number): () => void {
  const { log } = partition;
  const credit = countCredit(sender);
  const wantsMetrics = [sender.desired_capabilities ?? []].flat().includes(RUNTIME_METRIC);
  let next = start;
  let stopped = false;
  let waiting = false;
  let draining = false;

  const metrics = (): RuntimeMetrics | undefined =>
    wantsMetrics ? { last: log.properties(), retrievedAt: now() } : undefined;

  const maySend = (): boolean => !stopped && credit.available() > 0;

  function later(wait: (resume: () => void) => unknown): void {
    waiting = true;
    wait(() => {
      waiting = false;
      pump();
    });
  }

  function pump(): void {
    if (waiting) return;
    for (let bytes = 0; maySend(); next += 1) {
      const event = log.read(next);
      if (event === undefined) break;
      if (socket.writableNeedDrain) {
        later((resume) => socket.once("drain", resume));
        return;
      }
      if (bytes > BYTES_PER_TURN) {
        later(setImmediate);
        return;
      }
      const message = toDelivery(event, metrics());
      credit.spend();
      sender.send(message, undefined, 0);
      bytes += message.length;
    }
    if (draining) {
      draining = false;
      sender.set_drained(true);
    }
  }

  later(onceAttached);
  const stopListening = log.onAppend(pump);
  sender.on("sender_flow", pump);
  sender.on("sendable", pump);
  sender.on("sender_draining", () => {
    draining = true;
    pump();
  });
  return () => {
    stopped = true;
    stopListening();
  };
}

function selectorOf(sender: Sender): string | undefined {
  const filters = sender.source.filter as Readonly<Record<string, unknown>> | undefined;
  const filter = filters?.[SELECTOR_FILTER];
  // rhea leaves a described value it does not know wrapped.
  const value = typeof filter === "object" && filter !== null && "value" in filter ? filter.value : filter;
  return typeof value === "string" ? value : undefined;
}
