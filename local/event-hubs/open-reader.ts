import type { Clock } from "../../shared/ports/clock.ts";
import type { FaultInjector } from "../faults/fault-injector.ts";
import type { HubFault } from "./faults.ts";
import type { AttachedReader, Hub, Partition } from "./hub.ts";
import type { Position, StoredEvent } from "./log/partition-log.ts";
import { admitReader, readerLimit } from "./readers.ts";
import { detachForced, invalidArgument, type Refusal, serverBusy, unauthorizedFor } from "./refusal.ts";

/** A reader that wants to attach to a partition. */
export interface ReadRequest {
  readonly hub: Hub;
  readonly partition: Partition;
  /** As `groupKey` gives it. */
  readonly group: string;
  readonly position: Position;
  /** The name that the client gave itself. */
  readonly name: string;
  /** `ownerLevel` in the SDK. */
  readonly epoch: number | undefined;
  /** More may be there; called after an append and after a delay. */
  readonly onReady: () => void;
  /** The service sends the reader away; nothing comes any more. */
  readonly onClosed: (reason: Refusal) => void;
}

/** An attached reader. */
export interface OpenedReader {
  /** The next event, once; undefined while there is none. */
  next(): StoredEvent | undefined;
  /** The client leaves. */
  close(): void;
}

/** Attaches a reader by the service's rules, and its faults. */
export function openReader(
  rules: { readonly clock: Clock; readonly faults: FaultInjector<HubFault> },
  request: ReadRequest,
): { readonly reader: OpenedReader } | { readonly refusal: Refusal } {
  const { hub, partition, group, position, name, epoch } = request;
  const { log } = partition;
  const readers = readersOf(request);
  const subject = { hub: hub.name, partition: partition.id, group };
  for (const { fault } of rules.faults.befall("receive", subject)) {
    if (fault === "busy") return { refusal: serverBusy };
    if (fault === "unauthorized") return { refusal: unauthorizedFor("Listen", hub.name) };
    if (fault === "reader-limit") return { refusal: readerLimit([...readers]) };
  }
  const located = log.locate(position);
  if ("refused" in located) return { refusal: invalidArgument(located.refused) };

  const attached: AttachedReader = {
    name,
    epoch,
    close(reason) {
      if (!readers.has(attached)) return;
      stop();
      request.onClosed(reason);
    },
  };
  const admission = admitReader([...readers], attached);
  if (!admission.admitted) return { refusal: admission.refusal };
  for (const loser of admission.stolen) loser.close(admission.reason);
  readers.add(attached);
  const stopListening = log.onAppend(request.onReady);
  let waiting: Disposable | undefined;

  function stop(): void {
    readers.delete(attached);
    stopListening();
    waiting?.[Symbol.dispose]();
  }

  let next = located.next;
  /** The event whose faults were decided, and how often it still comes. */
  let judged = { sequenceNumber: -1, times: 0 };

  function judge({ sequenceNumber }: StoredEvent): void {
    judged = { sequenceNumber, times: 1 };
    for (const fault of rules.faults.befall("deliver", subject)) {
      if (fault.fault === "duplicate") judged.times += 1;
      if (fault.fault === "detach") attached.close(detachForced);
      if (fault.fault === "delay") {
        waiting = rules.clock.after(fault.milliseconds, () => {
          waiting = undefined;
          request.onReady();
        });
      }
    }
  }

  return {
    reader: {
      next() {
        if (waiting !== undefined || !readers.has(attached)) return undefined;
        const event = log.read(next);
        if (event === undefined) return undefined;
        if (judged.sequenceNumber !== event.sequenceNumber) {
          judge(event);
          if (waiting !== undefined || !readers.has(attached)) return undefined;
        }
        judged.times -= 1;
        if (judged.times === 0) next = event.sequenceNumber + 1;
        return event;
      },
      close: stop,
    },
  };
}

function readersOf({ hub, partition, group }: ReadRequest): Set<AttachedReader> {
  const readers = partition.readers.get(group);
  if (readers === undefined) throw new Error(`hub ${hub.name} has no consumer group ${group}`);
  return readers;
}
