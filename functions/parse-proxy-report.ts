import * as z from "zod";
import { parseJson } from "../shared/core/parse-json.ts";
import type { ProxyReport } from "../shared/store/documents.ts";
import { count, reportedChange, reportedProblem, reportedProxy, reportTotals } from "../shared/store/report-schema.ts";

const schema = z.object({
  time: z.string(),
  interval: count,
  replicas: z.array(z.object({ replica: z.string(), serves: count, connected: count })).max(100),
  wanted: count,
  totals: reportTotals,
  changes: z.array(reportedChange).max(50),
  proxies: z.array(reportedProxy).max(500),
  problems: z.array(reportedProblem).max(200),
});

/** `text` is the signed message; undefined when it is not a report. */
export function parseProxyReport(text: string): ProxyReport | undefined {
  const parsed = z.object({ report: schema }).safeParse(parseJson(text));
  return parsed.success ? (parsed.data.report as ProxyReport) : undefined;
}
