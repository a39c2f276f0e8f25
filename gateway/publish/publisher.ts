import type { KeyObject } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type ClusterEvent, type ClusterFact, isAfter, type Position } from "../../shared/core/events/cluster-event.ts";
import { sealEnvelope } from "../../shared/core/events/envelope.ts";
import { emptyTrie, type Trie } from "../../shared/core/trie/trie.ts";
import type { HubSender } from "../../shared/ports/event-hub.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { backoff } from "../../shared/shell/retry.ts";
import type { Head } from "../../shared/store/documents.ts";
import { createSignal } from "../signal.ts";
import type { HeldLease } from "./lease.ts";
import { markEvent, nextEvents, type OutboxContext } from "./outbox.ts";

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
  readonly seen: () =>
    | { readonly incarnation: string; readonly version: number; readonly policyVersion: number }
    | undefined;
  readonly settings: PublisherSettings;
  readonly log: (event: PublisherEvent) => void;
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

/**
 * Publishes while the Lease is held: a list in a new epoch, then what changes, one send in flight at a time. Whatever goes wrong (a failed send, a head that
 * lags, a wish of the head) is mended in one way: a new list in a new epoch, with jittered back-off (design.md §3).
 */
export async function publishWhileLeading(options: PublisherOptions, lease: HeldLease): Promise<void> {
  let reason = "the Lease was won";
  for (let failures = 0; !lease.lost.aborted; ) {
    try {
      const published = await publishList(options, lease, reason);
      failures = 0;
      reason = await publishChanges(options, lease.lost, published);
    } catch (error) {
      if (lease.lost.aborted) return;
      failures++;
      reason = MeshError.from(error).message;
      options.log({ kind: "fault", message: reason });
      await pause(backoff(failures, { baseDelay: 500, maxDelay: 15_000 }), lease.lost);
    }
  }
}

async function publishList(options: PublisherOptions, lease: HeldLease, reason: string): Promise<Published> {
  const head = await options.readHead();
  if (head === undefined) throw new MeshError("unavailable", "the cluster has not joined the mesh: there is no head");
  const epoch = await lease.takeEpoch(Math.max(head.applied.epoch, head.staged?.epoch ?? 0));
  await options.local.relist();
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
  await send(options, [markEvent(options.context, position, start)]);
  const published = asserted
    ? { objects, position }
    : await publishWhole(options, { objects: emptyTrie, position }, objects);
  options.log({ kind: "listed", epoch, reason, objects: objects.size, asserted });
  return published;
}

async function publishWhole(options: PublisherOptions, start: Published, objects: Trie): Promise<Published> {
  let published = start;
  while (published.objects.root !== objects.root) {
    const next = nextEvents(options.context, published, objects);
    await send(options, next.events);
    published = next;
  }
  const position = { epoch: published.position.epoch, seq: published.position.seq + 1 };
  await send(options, [markEvent(options.context, position, { type: "ListEnded", state: objects.root })]);
  return { objects, position };
}

/** Returns why a new list is needed; returns (anything) when the Lease is lost. */
async function publishChanges(options: PublisherOptions, lost: AbortSignal, start: Published): Promise<string> {
  const { settings, local } = options;
  const wake = createSignal();
  using _ = local.onChange(wake.raise);
  let published = start;
  let settled = false;
  let sentAt = Date.now();
  let heartbeatAt = Date.now();
  let checkAt = Date.now();
  while (!lost.aborted) {
    const next = nextEvents(options.context, published, local.objects());
    if (next.events.length > 0) {
      await send(options, next.events);
      options.log({ kind: "published", position: next.position, events: next.events.length });
      if (settled) sentAt = Date.now();
      settled = false;
      published = next;
      continue;
    }
    const now = Date.now();
    if (!settled && now >= checkAt) {
      const verdict = await checkHead(options, published.position);
      if (verdict.want !== undefined) return verdict.want;
      if (verdict.settled) options.log({ kind: "settled", position: published.position });
      settled = verdict.settled;
      if (!settled && now - sentAt > settings.settleLimit) return `not applied for ${settings.settleLimit} ms`;
      checkAt = now + settings.settleInterval;
    }
    if (now - heartbeatAt >= settings.heartbeatInterval) {
      await send(options, [
        markEvent(options.context, published.position, { type: "Heartbeat", state: published.objects.root }),
      ]);
      heartbeatAt = now;
      settled = false; // the head may answer it with a wish
      sentAt = now;
      checkAt = now + settings.settleInterval;
    }
    await wake.wait(settled ? heartbeatAt + settings.heartbeatInterval - now : settings.settleInterval, lost);
  }
  return "the Lease was lost";
}

async function checkHead(
  options: PublisherOptions,
  position: Position,
): Promise<{ readonly settled: boolean; readonly want: string | undefined }> {
  const head = await options.readHead();
  if (head === undefined) return { settled: false, want: "the head is gone" };
  if (head.applied.epoch > position.epoch)
    return { settled: false, want: `another publisher took epoch ${head.applied.epoch}` };
  // A wish written before this epoch's list was taken is answered by it; one that outlives the list is about us.
  const settled = !isAfter(position, head.applied);
  return { settled, want: settled ? head.want : undefined };
}

async function send({ sender, key, context }: PublisherOptions, events: readonly ClusterEvent[]): Promise<void> {
  const envelopes = events.map((event) => sealEnvelope(JSON.stringify(event), key));
  await sender.send(context.cluster, envelopes);
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}
