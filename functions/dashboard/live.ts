import { setTimeout as delay } from "node:timers/promises";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { type ClusterParts, clusterParts } from "./pages/cluster.ts";
import type { Part } from "./pages/layout.ts";
import type { ClusterReader } from "./read-model.ts";

/** Milliseconds. */
export interface LiveDurations {
  /** Between two looks at the store while anybody watches. */
  readonly interval: number;
  /** Between two signs of life on a quiet stream. */
  readonly heartbeat: number;
  /**
   * After which a stream asks its reader to come again. The platform does not tell an app that a client went (the body it streams is read to its end
   * all the same), so this bounds how long nobody is served; it also stays below the 230 s of the platform's front end.
   */
  readonly lifetime: number;
}

export const liveDurations: LiveDurations = { interval: 1000, heartbeat: 15_000, lifetime: 20_000 };

type News =
  | { readonly kind: "parts"; readonly parts: ClusterParts }
  | { readonly kind: "fault"; readonly message: string };

/** One cluster's page, rendered when it changes, for all who look at it on this instance. Looks at the store only while anybody does. */
export interface ClusterWatch {
  /** Tells what is known at once, then every change. */
  subscribe(listener: (news: News) => void): Disposable;
}

export function createClusterWatch(reader: ClusterReader, interval: number): ClusterWatch {
  const listeners = new Set<(news: News) => void>();
  let latest: News | undefined;
  let fingerprint: string | undefined;
  let running = false;
  const tell = (news: News): void => {
    latest = news;
    for (const listener of listeners) listener(news);
  };
  const look = async (): Promise<void> => {
    const reading = await reader.read();
    if (reading === undefined) throw new MeshError("unavailable", "the cluster is no longer there");
    if (reading.fingerprint === fingerprint && latest?.kind === "parts") return;
    fingerprint = reading.fingerprint;
    tell({ kind: "parts", parts: clusterParts(reading.model) });
  };
  const run = async (): Promise<void> => {
    running = true;
    while (listeners.size > 0) {
      try {
        await look();
      } catch (error) {
        tell({ kind: "fault", message: MeshError.from(error).message });
      }
      await delay(interval, undefined, { ref: false });
    }
    running = false;
    latest = undefined; // it grows old while nobody looks
  };
  return {
    subscribe(listener) {
      listeners.add(listener);
      if (latest !== undefined) listener(latest);
      if (!running) void run();
      return {
        [Symbol.dispose]() {
          listeners.delete(listener);
        },
      };
    },
  };
}

/**
 * A stream of server-sent events: `part` (a Part) for every part that the reader does not have, `fault` and `well` when the store goes and comes,
 * `renew` before the end. `have`: hashes of the parts that the reader has.
 */
export function createEventStream(
  watch: ClusterWatch,
  { heartbeat, lifetime }: LiveDurations,
  have: ReadonlySet<string>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const sent = new Map<string, string>();
  const life = new DisposableStack();
  let faulty = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (text: string): void => controller.enqueue(encoder.encode(text));
      const event = (name: string, data: object): void => write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
      const sendParts = (parts: readonly Part[]): void => {
        for (const part of parts) {
          if ((sent.get(part.id) === undefined && have.has(part.hash)) || sent.get(part.id) === part.hash) {
            sent.set(part.id, part.hash);
            continue;
          }
          sent.set(part.id, part.hash);
          event("part", part);
        }
      };
      write("retry: 1000\n\n");
      life.use(
        watch.subscribe((news) => {
          if (news.kind === "fault") event("fault", { message: news.message });
          else sendParts(Object.values(news.parts));
          if (news.kind === "parts" && faulty) event("well", {});
          faulty = news.kind === "fault";
        }),
      );
      const beat = setInterval(() => write(": still here\n\n"), heartbeat).unref();
      life.defer(() => clearInterval(beat));
      const end = setTimeout(() => {
        event("renew", {});
        life.dispose();
        controller.close();
      }, lifetime).unref();
      life.defer(() => clearTimeout(end));
    },
    cancel() {
      life.dispose();
    },
  });
}
