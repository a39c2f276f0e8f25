import type { KeyObject } from "node:crypto";
import type { ContentHash } from "../../shared/core/brand.ts";
import { type ClusterEvent, type ClusterFact, type Position } from "../../shared/core/events/cluster-event.ts";
import { type Envelope, maxMessageBytes, sealEnvelope } from "../../shared/core/events/envelope.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { HubSender } from "../../shared/ports/event-hub.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { pause } from "../../shared/shell/pause.ts";
import { backoff } from "../../shared/shell/retry.ts";
import type { Head, SeenCloud } from "../../shared/store/documents.ts";
import { createSignal } from "../signal.ts";
import type { HeldLease } from "./lease.ts";
import { markEvent, nextEvents, type OutboxContext } from "./outbox.ts";
import { createSettling } from "./settling.ts";
import { createWithdrawals, type Withdrawals } from "./withdrawals.ts";

/** The gateway's own picture of the cluster, kept by its watches. */
export interface LocalState {
  /** Now. */
  readonly objects: () => Trie;
  /** A consistent list of everything, after this call began. */
  readonly relist: () => Promise<void>;
  readonly onChange: (listener: () => void) => Disposable;
}

export interface PublisherOptions {
  readonly context: OutboxContext;
  readonly key: { readonly kid: string; readonly privateKey: KeyObject };
  readonly sender: HubSender;
  readonly local: LocalState;
  /** Undefined when the cluster has not joined; throws when it cannot be read. */
  readonly readHead: () => Promise<Head | undefined>;
  /** What was seen of the cloud, for ListStarted. */
  readonly seen: () => SeenCloud | undefined;
  /** All of this state is about to be sent, the last of it as this position. */
  readonly publishing?: (root: ContentHash, position: Position) => void;
  /** What is to be told beside the state. */
  readonly facts?: FactQueue;
  readonly settings: PublisherSettings;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: (event: PublisherEvent) => void;
}

/** Facts that wait to be published, in order; what is sent is taken out. */
export interface FactQueue {
  readonly waiting: () => readonly ClusterFact[];
  readonly sent: (facts: readonly ClusterFact[]) => void;
}

/** Milliseconds. */
export interface PublisherSettings {
  /** How often the head is read while something is not in it. */
  readonly settleInterval: number;
  /** How long something may be missing before a new list. */
  readonly settleLimit: number;
  readonly heartbeatInterval: number;
}

export type PublisherEvent =
  | {
      readonly kind: "listed";
      readonly epoch: number;
      readonly reason: string;
      readonly objects: number;
      readonly asserted: boolean;
    }
  | { readonly kind: "published"; readonly position: Position; readonly events: number }
  | { readonly kind: "settled"; readonly position: Position }
  | { readonly kind: "fault"; readonly message: string };

/** Where publishing stands. Replaced, never changed. */
interface Published {
  readonly objects: Trie;
  readonly position: Position;
}

/** A list that was sent. */
interface Listed extends Published {
  /** The wish that the head held before it: answered by the list, so no reason for another. */
  readonly wishBefore: string | undefined;
}

/** Why a new list is needed. */
interface NewList {
  readonly reason: string;
  /** Everything of this epoch was in the head at least once. */
  readonly wasSettled: boolean;
}

type PublishersLease = Pick<HeldLease, "lost" | "takeEpoch">;

/** Between two lists. Milliseconds. */
const listPause = { baseDelay: 500, maxDelay: 15_000 };

/**
 * Publishes while the Lease is held: a list in a new epoch, then what changes, one send in flight at a time. Whatever goes wrong (a failed send, a head that
 * lags, a wish of the head) is mended in one way: a new list in a new epoch, with jittered back-off (design.md §3).
 */
export async function publishWhileLeading(options: PublisherOptions, lease: PublishersLease): Promise<void> {
  let reason = "the Lease was won";
  const withdrawals = createWithdrawals();
  for (let failures = 0; !lease.lost.aborted; ) {
    try {
      const listed = await publishList(options, lease, { reason, withdrawals });
      const next = await publishChanges(options, lease.lost, { listed, withdrawals });
      failures = next.wasSettled ? 1 : failures + 1;
      reason = next.reason;
    } catch (error) {
      if (lease.lost.aborted) return;
      failures++;
      reason = MeshError.from(error).message;
      options.log({ kind: "fault", message: reason });
    }
    await pause(backoff(failures, listPause), lease.lost);
  }
}

async function publishList(
  options: PublisherOptions,
  lease: PublishersLease,
  { reason, withdrawals }: { readonly reason: string; readonly withdrawals: Withdrawals },
): Promise<Listed> {
  const head = await unlessLost(lease.lost, options.readHead());
  if (head === undefined) throw new MeshError("unavailable", "the cluster has not joined the mesh: there is no head");
  const atLeast = Math.max(head.applied.epoch, head.staged?.epoch ?? 0);
  const epoch = await unlessLost(lease.lost, lease.takeEpoch(atLeast));
  await unlessLost(lease.lost, options.local.relist());
  const objects = options.local.objects();
  const seen = options.seen();
  const asserted = head.applied.epoch > 0 && head.state === objects.root;
  const start: ClusterFact = {
    type: "ListStarted",
    reason,
    ...(asserted && { asserts: objects.root }),
    ...(seen && { seen }),
  };
  const position: Position = { epoch, seq: 1 };
  const send = createSend(options, lease.lost);
  if (asserted) options.publishing?.(objects.root, position);
  await send([markEvent(options.context, position, start)]);
  const published = asserted
    ? { objects, position }
    : await publishWhole(options, send, { start: { objects: withdrawals.goneFrom(objects), position }, objects });
  options.log({ kind: "listed", epoch, reason, objects: objects.size, asserted });
  return { ...published, wishBefore: head.want };
}

async function publishWhole(
  options: PublisherOptions,
  send: Send,
  { start, objects }: { readonly start: Published; readonly objects: Trie },
): Promise<Published> {
  let published = start;
  while (published.objects.root !== objects.root) {
    const next = nextEvents(options.context, published, objects);
    await send(next.events);
    published = next;
  }
  const position = { epoch: published.position.epoch, seq: published.position.seq + 1 };
  options.publishing?.(objects.root, position);
  await send([markEvent(options.context, position, { type: "ListEnded", state: objects.root })]);
  return { objects, position };
}

/** Returns why a new list is needed; returns (anything) when the Lease is lost. */
async function publishChanges(
  options: PublisherOptions,
  lost: AbortSignal,
  { listed, withdrawals }: { readonly listed: Listed; readonly withdrawals: Withdrawals },
): Promise<NewList> {
  const { settings, local, clock, context } = options;
  const send = createSend(options, lost);
  const wake = createSignal();
  using _ = local.onChange(wake.raise);
  let published: Published = listed;
  let told: Position | undefined;
  let heartbeatAt = clock.monotonic() + settings.heartbeatInterval;
  const settling = createSettling(
    { interval: settings.settleInterval, limit: settings.settleLimit },
    { position: published.position, now: clock.monotonic() },
  );
  while (!lost.aborted) {
    const next = nextEvents(context, published, local.objects());
    if (next.events.length > 0) {
      withdrawals.note(published.objects, local.objects());
      options.publishing?.(next.objects.root, next.position);
      await send(next.events);
      options.log({ kind: "published", position: next.position, events: next.events.length });
      published = next;
      settling.sent(published.position, clock.monotonic());
      continue;
    }
    const waiting = options.facts?.waiting() ?? [];
    if (waiting.length > 0) {
      const facts = factEvents(context, published.position, waiting);
      await send(facts.events);
      options.facts?.sent(waiting);
      published = { ...published, position: facts.position };
      settling.sent(published.position, clock.monotonic());
    }
    if (clock.monotonic() >= settling.checkAt()) {
      const head = await unlessLost(lost, options.readHead());
      const wish = newListWanted(head, published.position, { before: listed.wishBefore, seen: options.seen() });
      if (head === undefined || wish !== undefined) return { reason: wish ?? "", wasSettled: settling.wasSettled() };
      const verdict = settling.read(head.applied, clock.monotonic());
      if (verdict === "late")
        return { reason: `not applied for ${settings.settleLimit} ms`, wasSettled: settling.wasSettled() };
      if (verdict === "settled" && told !== published.position) {
        withdrawals.settled();
        told = published.position;
        options.log({ kind: "settled", position: told });
      }
    }
    if (clock.monotonic() >= heartbeatAt) {
      const { position, objects } = published;
      await send([markEvent(context, position, { type: "Heartbeat", state: objects.root })]);
      settling.sent(position, clock.monotonic()); // the head may answer it with a wish
      heartbeatAt = clock.monotonic() + settings.heartbeatInterval;
    }
    await wake.wait(Math.min(heartbeatAt, settling.checkAt()) - clock.monotonic(), lost);
  }
  return { reason: "the Lease was lost", wasSettled: true };
}

function factEvents(
  context: OutboxContext,
  { epoch, seq }: Position,
  facts: readonly ClusterFact[],
): { readonly events: readonly ClusterEvent[]; readonly position: Position } {
  const events = facts.map((fact, index) => markEvent(context, { epoch, seq: seq + index + 1 }, fact));
  return { events, position: { epoch, seq: seq + facts.length } };
}

/** A wish of the head counts when it is about this epoch: once our list is applied, which cleared older ones, or when it was not there before the list. */
function newListWanted(
  head: Head | undefined,
  position: Position,
  { before, seen }: { readonly before: string | undefined; readonly seen: SeenCloud | undefined },
): string | undefined {
  if (head === undefined) return "the head is gone";
  if (head.applied.epoch > position.epoch) return `another publisher took epoch ${head.applied.epoch}`;
  if (head.applied.epoch === position.epoch) return head.want ?? wentBack(head, seen);
  return head.want !== before ? head.want : undefined;
}

/** The head is of an older time than what this gateway has seen, and nobody has told it so: a list does (design.md §4). */
function wentBack(head: Head, seen: SeenCloud | undefined): string | undefined {
  const isAsSeen = (known: Pick<SeenCloud, "incarnation" | "version"> | undefined): boolean =>
    seen === undefined || (known?.incarnation === seen.incarnation && known.version >= seen.version);
  return isAsSeen(head) || isAsSeen(head.above) ? undefined : `the cloud went back to version ${head.version}`;
}

type Send = (events: readonly ClusterEvent[]) => Promise<void>;

/** Signs and sends, in as many batches as the hub's limit asks for, one after the other. */
function createSend({ sender, key, context }: PublisherOptions, lost: AbortSignal): Send {
  return async (events) => {
    for (const batch of batchesOf(events.map((event) => sealEnvelope(JSON.stringify(event), key))))
      await unlessLost(lost, sender.send(context.cluster, batch));
  };
}

function* batchesOf(envelopes: readonly Envelope[]): Iterable<readonly Envelope[]> {
  let batch: Envelope[] = [];
  let bytes = 0;
  for (const envelope of envelopes) {
    const size = Buffer.byteLength(JSON.stringify(envelope));
    if (batch.length > 0 && bytes + size > maxMessageBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(envelope);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** What is under way when the Lease is lost is left alone: the epoch of whoever comes next makes it void. */
async function unlessLost<T>(lost: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new MeshError("unavailable", "the Lease was lost"));
  if (lost.aborted) stop();
  lost.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    lost.removeEventListener("abort", stop);
  }
}
