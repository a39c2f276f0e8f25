import { contentHash } from "../shared/core/canonical.ts";
import type { ClusterEvent } from "../shared/core/events/cluster-event.ts";
import { isRejection, parseEvent, type Rejection } from "../shared/core/events/parse-event.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { retryTransient } from "../shared/shell/retry.ts";
import { withTimeLimit } from "../shared/shell/time-limit.ts";
import { putServedLocally } from "../shared/store/cluster-store.ts";
import { foldEvents } from "./fold-events.ts";
import type { FunctionParts } from "./ports.ts";
import type { ClusterUpdater } from "./update-cluster.ts";
import type { MessageVerifier } from "./verify-messages.ts";

const retries = { attempts: 5, baseDelay: 50, maxDelay: 1000 };
/** A rejected event is kept this long. Seconds. */
const rejectedTtl = 7 * 24 * 3600;

/**
 * Event Hub batch → verify → parse → evolve → compile → publish. Clusters run side by side. The platform checkpoints a batch whether it
 * succeeded or not, so faults are retried here and then left to the publisher, which repeats what did not arrive (design.md §3).
 */
export function createIngestEvents(
  parts: FunctionParts,
  tools: { readonly verifier: MessageVerifier; readonly updater: ClusterUpdater },
) {
  return async function ingestEvents(messages: readonly unknown[]): Promise<void> {
    const { verified, dropped } = await tools.verifier.verify(messages);
    if (dropped > 0) parts.log.warn("messages dropped: they do not verify", { dropped });
    const byCluster = Map.groupBy(verified, ({ cluster }) => cluster);
    await Promise.all(
      [...byCluster].map(async ([cluster, own]) => {
        try {
          const work = ingestCluster(parts, tools.updater, { cluster, texts: own.map(({ text }) => text) });
          await withTimeLimit(`ingesting ${cluster}`, parts.clusterTimeLimit, work);
        } catch (error) {
          const { code, message } = MeshError.from(error);
          parts.log.warn("events not ingested; the publisher repeats them", { cluster, code, message });
        }
      }),
    );
  };
}

async function ingestCluster(
  parts: FunctionParts,
  updater: ClusterUpdater,
  batch: { readonly cluster: string; readonly texts: readonly string[] },
): Promise<void> {
  const { cluster } = batch;
  const events: ClusterEvent[] = [];
  for (const text of batch.texts) {
    const parsed = parseEvent(text);
    if (!isRejection(parsed)) events.push(parsed);
    else {
      await keepRejection(parts, { cluster, text }, parsed);
      if (parsed.instead !== undefined) events.push(parsed.instead);
    }
  }
  if (events.length === 0) return;
  await retryTransient(retries, async () => {
    const known = await updater.update(cluster, (state, head) => foldEvents(state, head, events));
    if (!known) parts.log.warn("events of a cluster that never joined", { cluster });
    else await keepServedLocally(parts, cluster, events);
  });
}

/** What a gateway compiled and served itself while it did not hear from us; a repeat is the same document. */
async function keepServedLocally(
  { documents }: FunctionParts,
  cluster: string,
  events: readonly ClusterEvent[],
): Promise<void> {
  for (const event of events) {
    if (event.type !== "ServedLocally") continue;
    const { root, state, from, to } = event;
    await putServedLocally(documents, cluster, { root, state, from, to });
  }
}

/** Under a name that a repeat has too. What cannot be kept is in the log: a bad event must not keep back what follows it. */
async function keepRejection(
  parts: FunctionParts,
  { cluster, text }: { readonly cluster: string; readonly text: string },
  { reason, origin }: Rejection,
): Promise<void> {
  parts.log.warn("event rejected", { cluster, reason });
  if (origin === undefined) return;
  const id = `${origin.epoch}-${origin.seq}-${contentHash(text)}`;
  const document = {
    id,
    partition: cluster,
    body: { reason, origin, time: parts.now().toISOString() },
    ttl: rejectedTtl,
  };
  try {
    await retryTransient(retries, () => parts.documents.put("rejected", document));
  } catch (error) {
    parts.log.warn("rejected event not kept", { cluster, reason, error: MeshError.from(error).message });
  }
}
