/** Decides by repeated checks whether something is ready. */

import { setTimeout as pause } from "node:timers/promises";
import type { Container, Probe } from "./kubernetes-objects.ts";
import type { ProbeCheck } from "./shim-messages.ts";

export interface ReadinessOptions {
  /** One check; true counts as success. Must not reject. */
  readonly check: () => Promise<boolean>;
  readonly initialDelayMs: number;
  /** Between checks while not ready, and while ready. */
  readonly unreadyMs: number;
  readonly readyMs: number;
  /** Consecutive successes to become ready, failures to become unready. */
  readonly successes: number;
  readonly failures: number;
  readonly onChange: () => void;
}

export interface Readiness extends AsyncDisposable {
  readonly ready: () => boolean;
}

export function startReadiness(options: ReadinessOptions): Readiness {
  const stop = new AbortController();
  let ready = false;
  let inARow = 0;
  const rest = (ms: number): Promise<void> => pause(ms, undefined, { signal: stop.signal }).catch(() => {});
  const run = async (): Promise<void> => {
    if (options.initialDelayMs > 0) await rest(options.initialDelayMs);
    while (!stop.signal.aborted) {
      const good = await options.check();
      if (stop.signal.aborted) return;
      inARow = good === ready ? 0 : inARow + 1;
      if (inARow >= (good ? options.successes : options.failures)) {
        ready = good;
        inARow = 0;
        options.onChange();
      }
      await rest(ready ? options.readyMs : options.unreadyMs);
    }
  };
  const running = run();
  return {
    ready: () => ready,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** A container's readiness probe with Kubernetes' defaults, and an unready container probed every `unreadyMs` at the latest. */
export function probeTimes(
  probe: Probe,
  unreadyMs: number,
): Pick<ReadinessOptions, "initialDelayMs" | "unreadyMs" | "readyMs" | "successes" | "failures"> & {
  timeoutMs: number;
} {
  const period = (probe.periodSeconds ?? 10) * 1_000;
  return {
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1_000,
    unreadyMs: Math.min(period, unreadyMs),
    readyMs: period,
    successes: probe.successThreshold ?? 1,
    failures: probe.failureThreshold ?? 3,
    timeoutMs: (probe.timeoutSeconds ?? 1) * 1_000,
  };
}

/** What a probe asks, or a message for a kind of probe or a port that cannot be asked here. */
export function probeCheck(
  probe: Probe,
  container: Container,
): { readonly ok: true; readonly check: ProbeCheck } | { readonly ok: false; readonly message: string } {
  const wanted = probe.httpGet?.port ?? probe.tcpSocket?.port;
  if (wanted === undefined) {
    return { ok: false, message: `container ${container.name}: only httpGet and tcpSocket probes are run here` };
  }
  const port = portNumber(wanted, container);
  if (port === undefined) return { ok: false, message: `container ${container.name} has no port named ${wanted}` };
  if (probe.httpGet === undefined) return { ok: true, check: { kind: "tcp", port } };
  const { path = "/", scheme = "HTTP", httpHeaders = [] } = probe.httpGet;
  return {
    ok: true,
    check: {
      kind: "http",
      scheme: scheme === "HTTPS" ? "https" : "http",
      port,
      path: path.startsWith("/") ? path : `/${path}`,
      headers: Object.fromEntries(httpHeaders.map(({ name, value }) => [name.toLowerCase(), value])),
    },
  };
}

function portNumber(wanted: number | string, container: Container): number | undefined {
  if (typeof wanted === "number") return wanted;
  if (/^\d+$/.test(wanted)) return Number(wanted);
  return container.ports?.find(({ name }) => name === wanted)?.containerPort;
}
