import type { KeyObject } from "node:crypto";
import { sealEnvelope } from "../../shared/core/events/envelope.ts";
import type { HubSender } from "../../shared/ports/event-hub.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { pause } from "../../shared/shell/pause.ts";
import type { ProxyReport } from "../../shared/store/documents.ts";
import { createSignal } from "../signal.ts";

export interface ReporterOptions {
  readonly mesh: string;
  readonly cluster: string;
  readonly sender: HubSender;
  readonly key: { readonly kid: string; readonly privateKey: KeyObject };
  readonly report: () => ProxyReport;
  /** Least milliseconds between two reports that are not urgent. */
  readonly interval: number;
  readonly fault: (error: Error) => void;
}

export interface Reporter extends AsyncDisposable {
  /** Urgent news goes at once, other news at most once an interval. */
  news(urgent: boolean): void;
}

/** Sends what is, whole, when there is news. Totals, so a lost or repeated report does no harm (design.md §4, Reports). */
export function startReporter(options: ReporterOptions): Reporter {
  const stop = new AbortController();
  const news = createSignal();
  const urgent = createSignal();
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await news.wait(2 ** 30, stop.signal);
      if (stop.signal.aborted) return;
      await pause(10, stop.signal); // what comes together goes together
      await Promise.all([news.wait(0, stop.signal), urgent.wait(0, stop.signal)]); // all of it is in this report
      try {
        const event = JSON.stringify({ mesh: options.mesh, cluster: options.cluster, report: options.report() });
        await options.sender.send(options.cluster, [sealEnvelope(event, options.key)]);
      } catch (error) {
        options.fault(MeshError.from(error));
        news.raise(); // nobody repeats it for us
      }
      await urgent.wait(options.interval, stop.signal);
    }
  };
  const running = run();
  return {
    news(isUrgent) {
      news.raise();
      if (isUrgent) urgent.raise();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
