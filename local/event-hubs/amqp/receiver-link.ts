import type { Sender } from "rhea";
import type { Attached, Hub, Partition } from "../hub.ts";
import type { OpenedReader } from "../open-reader.ts";
import { invalidArgument, type Refusal } from "../refusal.ts";
import type { Broker } from "./broker.ts";
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
  readonly hub: Hub;
  readonly partition: Partition;
  readonly group: string;
  readonly socket: Backpressure;
  readonly broker: Pick<Broker, "namespace" | "clock">;
}

/** The part of a socket that tells when enough waits to be written. */
export interface Backpressure {
  readonly writableNeedDrain: boolean;
  once(event: "drain", listener: () => void): unknown;
}

/** Serves a client's receiver until `stop` is called; or says why not, when the link must be closed with it. */
export function serveReceiverLink(
  options: ReceiverLinkOptions,
): { readonly stop: () => void; readonly link: Attached } | { readonly refusal: Refusal } {
  const { sender, address, hub, partition, group, broker } = options;
  sender.set_source({ address });
  settleAsAsked(sender);
  const position = parseSelector(selectorOf(sender));
  if (position === undefined)
    return { refusal: invalidArgument(`The filter '${selectorOf(sender)}' is not understood.`) };
  const { [EPOCH]: epoch, [RECEIVER_NAME]: name } = (sender.properties ?? {}) as Readonly<Record<string, unknown>>;
  const delivery = createDelivery(options);
  const opened = broker.namespace.read({
    hub,
    partition,
    group,
    position,
    name: typeof name === "string" ? name : "nil",
    epoch: typeof epoch === "number" ? epoch : undefined,
    onReady: () => delivery.pump(),
    onClosed: (reason) => sender.close({ ...reason }),
  });
  if ("refusal" in opened) return opened;
  const { reader } = opened;
  delivery.begin(reader);
  const link: Attached = {
    close(reason) {
      reader.close();
      sender.close({ ...reason });
    },
  };
  return { stop: () => reader.close(), link };
}

interface Delivery {
  /** Sends what the reader gives, as credit allows; to be called when there may be more. */
  pump(): void;
  begin(reader: OpenedReader): void;
}

function createDelivery({ sender, partition, socket, broker }: ReceiverLinkOptions): Delivery {
  const credit = countCredit(sender);
  const wantsMetrics = [sender.desired_capabilities ?? []].flat().includes(RUNTIME_METRIC);
  let reader: OpenedReader | undefined;
  let waiting = false;
  let draining = false;

  const metrics = (): RuntimeMetrics | undefined =>
    wantsMetrics ? { last: partition.log.properties(), retrievedAt: broker.clock.now() } : undefined;

  function later(wait: (resume: () => void) => unknown): void {
    waiting = true;
    wait(() => {
      waiting = false;
      pump();
    });
  }

  function pump(): void {
    if (waiting || reader === undefined) return;
    for (let bytes = 0; credit.available() > 0; ) {
      if (socket.writableNeedDrain) {
        later((resume) => socket.once("drain", resume));
        return;
      }
      if (bytes > BYTES_PER_TURN) {
        later(setImmediate);
        return;
      }
      const event = reader.next();
      if (event === undefined) break;
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

  sender.on("sender_flow", pump);
  sender.on("sendable", pump);
  sender.on("sender_draining", () => {
    draining = true;
    pump();
  });
  return {
    pump,
    begin(opened) {
      reader = opened;
      later(onceAttached);
    },
  };
}

function selectorOf(sender: Sender): string | undefined {
  const filters = sender.source.filter as Readonly<Record<string, unknown>> | undefined;
  const filter = filters?.[SELECTOR_FILTER];
  // rhea leaves a described value it does not know wrapped.
  const value = typeof filter === "object" && filter !== null && "value" in filter ? filter.value : filter;
  return typeof value === "string" ? value : undefined;
}
