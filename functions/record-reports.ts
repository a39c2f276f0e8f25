import { MeshError } from "../shared/shell/mesh-error.ts";
import { retryTransient } from "../shared/shell/retry.ts";
import { type Change, type ChangeTotals, type ProxyReport, versionedId } from "../shared/store/documents.ts";
import { parseProxyReport } from "./parse-proxy-report.ts";
import type { FunctionParts } from "./ports.ts";
import type { MessageVerifier } from "./verify-messages.ts";

/** What a replica said is dropped when it has been silent for this long. Seconds. */
const reportTtl = 24 * 3600;

/** ACK totals and refusals of a replica's proxies → `proxies:<replica>` and the timelines of the changes they belong to. Totals, so repeats are harmless. */
export function createRecordReports(parts: FunctionParts, verifier: MessageVerifier) {
  return async function recordReports(messages: readonly unknown[]): Promise<void> {
    const { verified, dropped } = await verifier.verify(messages);
    if (dropped > 0) parts.log.warn("reports dropped: they do not verify", { dropped });
    const newest = new Map<string, { readonly cluster: string; readonly report: ProxyReport }>();
    for (const { cluster, text } of verified) {
      const report = parseProxyReport(text);
      if (report === undefined) parts.log.warn("report rejected: not a report", { cluster });
      else newest.set(`${cluster}\n${report.replica}`, { cluster, report });
    }
    await Promise.all(
      [...newest.values()].map(async ({ cluster, report }) => {
        try {
          await retryTransient({ attempts: 5, baseDelay: 50, maxDelay: 1000 }, () => record(parts, cluster, report));
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

async function record(parts: FunctionParts, cluster: string, report: ProxyReport): Promise<void> {
  const document = { id: `proxies:${report.replica}`, partition: cluster, body: report, ttl: reportTtl };
  const newest = await parts.documents.get<ProxyReport>("changes", cluster, document.id);
  if (newest !== undefined && saidMoreSince(report, newest.body.time, parts.now())) return; // delivered late, or again
  await Promise.all([
    parts.documents.put("changes", document),
    ...report.changes.map((totals) => addTotals(parts, cluster, totals)),
  ]);
}

/** A newest report from the future is of a clock that was put back since. */
function saidMoreSince({ time }: ProxyReport, newest: string, now: Date): boolean {
  return newest > time && newest <= now.toISOString();
}

async function addTotals(
  parts: FunctionParts,
  cluster: string,
  { version, ...acknowledged }: ChangeTotals & { readonly version: number },
): Promise<void> {
  const id = versionedId("change", version);
  const stored = await parts.documents.get<Change>("changes", cluster, id);
  if (stored === undefined) return; // the timeline comes with a later report, once the change is written
  const document = { id, partition: cluster, body: { ...stored.body, acknowledged } };
  try {
    await parts.documents.batch("changes", [{ kind: "replace", etag: stored.etag, document }]);
  } catch (error) {
    if (MeshError.from(error).code !== "precondition-failed") throw error; // another report was newer or comes again
  }
}
