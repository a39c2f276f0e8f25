import { setTimeout as pause } from "node:timers/promises";

export interface Acknowledged {
  /** From before the first write to the last proxy's acknowledgement. Milliseconds. */
  readonly ackMs: number;
  /** The version that holds the change, and how many proxies have it. */
  readonly version: number;
  readonly proxies: number;
}

export interface MeasureOptions {
  /** So many proxies must be connected, at least. */
  readonly proxies: number;
  readonly signal: AbortSignal;
}

/** Carries out a change and waits until every proxy has acknowledged it. Throws, naming the laggards, when that takes too long. */
export type MeasureAcks = (change: () => Promise<void>, options: MeasureOptions) => Promise<Acknowledged>;

export interface AckMeterOptions {
  /** The gateway's admin address. */
  readonly gatewayUrl: string;
  /** Milliseconds; 30 s unless told otherwise. */
  readonly limitMs?: number;
  /** How long the gateway's picture must stand still to hold the whole change. Milliseconds. */
  readonly settleMs?: number;
  /** The same where no snapshot was compiled from that picture. */
  readonly restMs?: number;
}

/** How far the gateway and its proxies are. */
interface Progress {
  /** Hash of the cluster as the gateway sees it. */
  readonly picture: string;
  /** Hash of the cluster that the snapshot in force was compiled from. */
  readonly compiled: string;
  /** Of the snapshot in force. */
  readonly version: number;
  readonly proxies: readonly ProxyProgress[];
  readonly changes: readonly { readonly version: number; readonly last?: string }[];
}

interface ProxyProgress {
  readonly proxy: string;
  readonly acknowledged: number;
  readonly refused?: string;
}

const pollMs = 50;

/**
 * A change is with all proxies when the gateway's picture of the cluster stands still, the snapshot in force was compiled
 * from that very picture, and all have acknowledged that snapshot. (A difference that changes no config gives no new
 * snapshot; then standing still for longer has to do.) The moment is the gateway's own note of the last acknowledgement, so
 * neither the polling nor the standing still is in the measure.
 */
export function createAckMeter(options: AckMeterOptions): MeasureAcks {
  const { gatewayUrl, limitMs = 30_000, settleMs = 300, restMs = 3_000 } = options;
  const settled = async ({ proxies, signal }: MeasureOptions, above: number): Promise<Progress> => {
    const end = performance.now() + limitMs;
    let [last, since] = ["", 0];
    for (;;) {
      const progress = await readProgress(gatewayUrl, signal);
      const moment = `${progress.picture} ${progress.version}`;
      if (moment !== last) [last, since] = [moment, performance.now()];
      const stillMs = performance.now() - since;
      const missing = whatIsMissing(progress, { proxies, above });
      if (missing === undefined && stillMs >= (progress.compiled === progress.picture ? settleMs : restMs))
        return progress;
      if (performance.now() > end)
        throw new Error(
          `not acknowledged after ${limitMs / 1_000} s: ${missing ?? "the cluster does not come to rest"}`,
        );
      await pause(pollMs, undefined, { signal });
    }
  };
  return async (change, measure) => {
    const before = await settled(measure, 0);
    const start = Date.now();
    await change();
    const after = await settled(measure, before.version);
    return { ackMs: lastAck(before, after) - start, version: after.version, proxies: after.proxies.length };
  };
}

function whatIsMissing(
  { version, proxies }: Progress,
  least: { readonly proxies: number; readonly above: number },
): string | undefined {
  if (version <= least.above) return "no snapshot holds the change";
  if (proxies.length < least.proxies) return `${proxies.length} of ${least.proxies} proxies are connected`;
  const late = proxies.filter(({ acknowledged }) => acknowledged < version);
  if (late.length === 0) return undefined;
  return late.map((proxy) => `${describeProxy(proxy)} of ${version}`).join("; ");
}

function describeProxy({ proxy, acknowledged, refused }: ProxyProgress): string {
  return `${proxy}${refused === undefined ? "" : ` refused ${refused} and`} is at version ${acknowledged}`;
}

function lastAck(before: Progress, after: Progress): number {
  const moments = after.changes.flatMap(({ version, last }) =>
    version > before.version && version <= after.version && last !== undefined ? [Date.parse(last)] : [],
  );
  if (moments.length === 0) throw new Error(`the gateway has no acknowledgement of version ${after.version}`);
  return Math.max(...moments);
}

async function readProgress(gatewayUrl: string, signal: AbortSignal): Promise<Progress> {
  const read = async <T>(page: string): Promise<T | undefined> => {
    const response = await fetch(new URL(page, gatewayUrl), { signal });
    return response.ok ? ((await response.json()) as T) : undefined;
  };
  const [state, snapshot, roster] = await Promise.all([
    read<{ readonly state: string }>("/debug/state"),
    read<{ readonly version: number; readonly served: { readonly state: string } }>("/debug/snapshot"),
    read<Pick<Progress, "proxies" | "changes">>("/debug/proxies"),
  ]);
  return {
    picture: state?.state ?? "",
    compiled: snapshot?.served.state ?? "none yet",
    version: snapshot?.version ?? 0,
    proxies: roster?.proxies ?? [],
    changes: roster?.changes ?? [],
  };
}
