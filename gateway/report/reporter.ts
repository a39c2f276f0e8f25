import type { KeyObject } from "node:crypto";
import { sealEnvelope } from "../../shared/core/events/envelope.ts";
import type { HubSender } from "../../shared/ports/event-hub.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { pause } from "../../shared/shell/pause.ts";
import type { ProxyReport } from "../../shared/store/documents.ts";
import type { HeldLease } from "../publish/lease.ts";
import { createSignal } from "../signal.ts";

export interface ReporterOptions {
  readonly mesh: string;
  readonly cluster: string;
  readonly sender: HubSender;
  readonly key: { readonly kid: string; readonly privateKey: KeyObject };
  /** Of all replicas, as it is now. */
  readonly report: () => ProxyReport;
  /** Least milliseconds between two reports that are not urgent. */
  readonly interval: number;
  /** Most milliseconds between two reports, so that a gateway with nothing to say can be told from one that is gone. */
  readonly idle: number;
  readonly fault: (error: Error) => void;
}

export interface Reporter {
  /** Urgent news goes at once, other news at most once an interval. */
  readonly news: (urgent: boolean) => void;
  /** Reports until the Lease is lost, first of all what is. */
  readonly whileLeading: (lease: Pick<HeldLease, "lost" | "isFresh">) => Promise<void>;
}

/** Sends what is, whole, when there is news. Totals, so a lost or repeated report does no harm (design.md §4, Reports). */
export function createReporter(options: ReporterOptions): Reporter {
  const { interval, idle } = options;
  const news = createSignal();
  const urgent = createSignal();
  const send = async (): Promise<void> => {
    try {
      const event = JSON.stringify({ mesh: options.mesh, cluster: options.cluster, report: options.report() });
      await options.sender.send(options.cluster, [sealEnvelope(event, options.key)]);
    } catch (error) {
      options.fault(MeshError.from(error));
      news.raise(); // nobody repeats it for us
    }
  };
  return {
    news(isUrgent) {
      news.raise();
      if (isUrgent) urgent.raise();
    },
    async whileLeading({ lost, isFresh }) {
      while (!lost.aborted) {
        await pause(10, lost); // what comes together goes together
        await Promise.all([news.wait(0, lost), urgent.wait(0, lost)]); // all of it is in this report
        // A process that was paused knows of the past only, and another may lead by now.
        if (!lost.aborted && isFresh()) await send();
        await urgent.wait(interval, lost);
        await news.wait(idle - interval, lost);
      }
    },
  };
}
