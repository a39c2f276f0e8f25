import type { Clock } from "../../shared/ports/clock.ts";
import { createFaultInjector, type FaultInjector } from "../faults/fault-injector.ts";
import type { HubFault } from "./faults.ts";
import { type Hub, type HubDefinition, openHub, type Partition } from "./hub.ts";
import type { NewEvent, Retention } from "./log/partition-log.ts";
import { type OpenedReader, openReader, type ReadRequest } from "./open-reader.ts";
import { detachForced, notFound, type Refusal, serverBusy, unauthorizedFor } from "./refusal.ts";

/** One transfer: events that are appended to one partition, all or none. */
export interface SendRequest {
  readonly hub: Hub;
  /** Set when the client chose it. */
  readonly partition: Partition | undefined;
  readonly partitionKey: string | undefined;
  readonly events: readonly NewEvent[];
}

/** `unanswered`: kept, but the client is not to hear of it. `detached`: not kept, and its link is to be closed. */
export type SendOutcome =
  | { readonly outcome: "accepted" | "unanswered" }
  | { readonly outcome: "refused" | "detached"; readonly refusal: Refusal };

/**
 * The hubs with all rules of the service and their faults, without a socket: what the AMQP server serves, and what a simulation
 * can run with a clock of its own.
 */
export interface HubNamespace {
  /** By lower-case name. */
  readonly hubs: ReadonlyMap<string, Hub>;
  /** Without a delay the events are appended before it returns. @throws when they could not be kept */
  send(request: SendRequest): Promise<SendOutcome>;
  /** Attaches a reader to a partition; those that it takes it from are closed. */
  read(request: ReadRequest): { readonly reader: OpenedReader } | { readonly refusal: Refusal };
  /** Why properties are not told. */
  manage(hub: Hub): Refusal | undefined;
  /** Does a fault out of turn. @throws Error for one that needs an operation, or lacks its hub or partition */
  doNow(fault: HubFault): void;
  close(): void;
}

export interface NamespaceOptions {
  readonly hubs: readonly HubDefinition[];
  /** Where events are kept over restarts; in memory only when undefined. */
  readonly dir?: string | undefined;
  readonly clock: Clock;
  readonly faults?: FaultInjector<HubFault>;
  readonly retention?: Retention;
}

/** Opens all hubs. Rejects when a directory was made for another number of partitions. */
export async function openNamespace(options: NamespaceOptions): Promise<HubNamespace> {
  const { dir, clock, retention = {}, faults = createFaultInjector<HubFault>() } = options;
  const hubs = new Map<string, Hub>();
  const close = (): void => {
    for (const hub of hubs.values()) hub.close();
  };
  try {
    for (const definition of options.hubs) {
      const now = (): number => clock.now();
      hubs.set(definition.name.toLowerCase(), await openHub({ definition, dir, now, retention }));
    }
  } catch (cause) {
    close();
    throw cause;
  }
  return {
    hubs,
    send: (request) => send({ clock, faults }, request),
    read: (request) => openReader({ clock, faults }, request),
    manage(hub) {
      for (const { fault } of faults.befall("manage", { hub: hub.name })) {
        if (fault === "busy") return serverBusy;
        if (fault === "unauthorized") return unauthorizedFor("Listen", hub.name);
      }
      return undefined;
    },
    doNow: (fault) => doNow(hubs, fault),
    close,
  };
}

interface Rules {
  readonly clock: Clock;
  readonly faults: FaultInjector<HubFault>;
}

async function send({ clock, faults }: Rules, { hub, partitionKey, events, ...to }: SendRequest): Promise<SendOutcome> {
  const partition = to.partition ?? hub.partitionFor(partitionKey);
  const befallen = faults.befall("send", { hub: hub.name, partition: partition.id });
  for (const fault of befallen) {
    if (fault.fault === "delay") await waited(clock, fault.milliseconds);
    if (fault.fault === "recreate") hub.recreate();
    const refused = refusalOf(fault, hub);
    if (refused !== undefined) return refused;
  }
  partition.log.append(events);
  let outcome: SendOutcome = { outcome: "accepted" };
  for (const fault of befallen) {
    if (fault.fault === "duplicate") partition.log.append(events);
    if (fault.fault === "lose-tail") loseTail(partition, fault.events);
    if (fault.fault === "unanswered") outcome = { outcome: "unanswered" };
  }
  return outcome;
}

function refusalOf({ fault }: HubFault, hub: Hub): SendOutcome | undefined {
  switch (fault) {
    case "busy":
      return { outcome: "refused", refusal: serverBusy };
    case "unauthorized":
      return { outcome: "refused", refusal: unauthorizedFor("Send", hub.name) };
    case "recreate":
      return { outcome: "refused", refusal: notFound(hub.name) };
    case "detach":
      return { outcome: "detached", refusal: detachForced };
    default:
      return undefined;
  }
}

/** The readers are sent away, as those of a partition that another machine took over. */
function loseTail({ log, readers }: Partition, events: number): void {
  log.loseTail(events);
  for (const reader of [...readers.values()].flatMap((group) => [...group])) reader.close(detachForced);
}

function doNow(hubs: ReadonlyMap<string, Hub>, fault: HubFault): void {
  if (fault.fault !== "lose-tail" && fault.fault !== "recreate")
    throw new Error(`${fault.fault} befalls an operation: put it into the plan`);
  const hub = hubs.get((fault.hub ?? "").toLowerCase());
  if (hub === undefined) throw new Error(`there is no hub '${fault.hub ?? ""}'`);
  if (fault.fault === "recreate") {
    hub.recreate();
    return;
  }
  const partition = hub.partitions.find(({ id }) => id === fault.partition);
  if (partition === undefined) throw new Error(`hub ${hub.name} has no partition '${fault.partition ?? ""}'`);
  loseTail(partition, fault.events);
}

function waited(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(milliseconds, resolve);
  });
}
