import { MeshError } from "../shared/shell/mesh-error.ts";
import { retryTransient } from "../shared/shell/retry.ts";
import { type Change, type ChangeTotals, type ProxyReport, reportId, versionedId } from "../shared/store/documents.ts";
import { parseProxyReport } from "./parse-proxy-report.ts";
import type { FunctionParts } from "./ports.ts";
import type { MessageVerifier } from "./verify-messages.ts";

/** What a gateway said is dropped when it has been silent for this long. Seconds. */
const reportTtl = 24 * 3600;

/** ACK totals and refusals of a cluster's proxies → its report and the timelines of the changes they belong to. Totals, so repeats are harmless. */
export function createRecordReports(parts: FunctionParts, verifier: MessageVerifier) {
  const told = createTold(parts);
  return async function recordReports(messages: readonly unknown[]): Promise<void> {
    const { verified, dropped } = await verifier.verify(messages);
    if (dropped > 0) parts.log.warn("reports dropped: they do not verify", { dropped });
    const newest = new Map<string, ProxyReport>();
    for (const { cluster, text } of verified) {
      const report = parseProxyReport(text);
      if (report === undefined) parts.log.warn("report rejected: not a report", { cluster });
      else newest.set(cluster, report);
    }
    await Promise.all(
      [...newest].map(async ([cluster, report]) => {
        try {
          await retryTransient({ attempts: 5, baseDelay: 50, maxDelay: 1000 }, () =>
            record(parts, { cluster, report, told: told.of(cluster, report) }),
          );
        } catch (error) {
          parts.log.warn("report not recorded; the next one says the same and more", {
            cluster,
            message: MeshError.from(error).message,
          });
        }
      }),
    );
  };
}

/** A report says the totals of all open changes; what this instance has just written of one is not written again. Milliseconds. */
const toldFor = 30_000;

interface Told {
  readonly text: string;
  readonly at: number;
}

/** What was written last of each change of a cluster: as much as its newest report names. */
function createTold({ now }: Pick<FunctionParts, "now">) {
  const clusters = new Map<string, Map<number, Told>>();
  return {
    of(cluster: string, { changes }: ProxyReport): Map<number, Told> {
      const before = clusters.get(cluster);
      const newest = new Map<number, Told>();
      for (const { version } of changes) {
        const one = before?.get(version);
        if (one !== undefined && now().getTime() - one.at < toldFor) newest.set(version, one);
      }
      clusters.set(cluster, newest);
      return newest;
    },
  };
}

async function record(
  parts: FunctionParts,
  {
    cluster,
    report,
    told,
  }: { readonly cluster: string; readonly report: ProxyReport; readonly told: Map<number, Told> },
): Promise<void> {
  const document = { id: reportId, partition: cluster, body: report, ttl: reportTtl };
  const newest = await parts.documents.get<ProxyReport>("changes", cluster, document.id);
  if (newest !== undefined && saidMoreSince(report, newest.body.time, parts.now())) return; // delivered late, or again
  await Promise.all([
    parts.documents.put("changes", document),
    ...report.changes.map(async (totals) => {
      const text = JSON.stringify(totals);
      if (told.get(totals.version)?.text === text) return;
      if (await addTotals(parts, cluster, totals)) told.set(totals.version, { text, at: parts.now().getTime() });
    }),
  ]);
}

/** A newest report from the future is of a clock that was put back since. */
function saidMoreSince({ time }: ProxyReport, newest: string, now: Date): boolean {
  return newest > time && newest <= now.toISOString();
}

/** False when it was not written: the next report says it again. */
async function addTotals(
  parts: FunctionParts,
  cluster: string,
  { version, ...acknowledged }: ChangeTotals & { readonly version: number },
): Promise<boolean> {
  const id = versionedId("change", version);
  const stored = await parts.documents.get<Change>("changes", cluster, id);
  if (stored === undefined) return false; // the timeline comes with a later report, once the change is written
  const body: Change = { ...stored.body, acknowledged: { ...acknowledged, ...timesOf(stored.body, acknowledged) } };
  const document = { id, partition: cluster, body };
  try {
    await parts.documents.batch("changes", [{ kind: "replace", etag: stored.etag, document }]);
    return true;
  } catch (error) {
    if (MeshError.from(error).code !== "precondition-failed") throw error; // another report was newer or comes again
    return false;
  }
}

/** A replica that is gone took along when its proxies had acknowledged. */
function timesOf({ acknowledged: before }: Change, now: ChangeTotals): Pick<ChangeTotals, "first" | "last"> {
  const [first] = [before?.first, now.first].filter((time) => time !== undefined).toSorted();
  const last = [before?.last, now.last]
    .filter((time) => time !== undefined)
    .toSorted()
    .at(-1);
  return { ...(first !== undefined && { first }), ...(last !== undefined && { last }) };
}
