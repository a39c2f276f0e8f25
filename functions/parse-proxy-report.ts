import { z } from "zod";
import { problemCatalogue } from "../shared/core/mesh/problem.ts";
import type { ProxyReport } from "../shared/store/documents.ts";

const count = z.int().min(0);
const totals = z.object({
  version: count,
  proxies: count,
  settled: count,
  refused: count,
  first: z.string().optional(),
  last: z.string().optional(),
});
const objectKey = z.object({ group: z.string(), kind: z.string(), namespace: z.string(), name: z.string() });

const schema = z.object({
  time: z.string(),
  interval: count,
  replicas: z.array(z.object({ replica: z.string(), serves: count, connected: count })).max(100),
  wanted: count,
  totals: z.object({ connected: count, settled: count, refusing: count }),
  changes: z.array(totals).max(50),
  proxies: z
    .array(
      z.object({
        proxy: z.string(),
        account: z.string(),
        wanted: count,
        acknowledged: count,
        connectedSince: z.string(),
        refused: z.string().optional(),
      }),
    )
    .max(500),
  problems: z
    .array(z.object({ code: z.enum(Object.keys(problemCatalogue) as never), object: objectKey, message: z.string() }))
    .max(200),
});

/** `text` is the signed message; undefined when it is not a report. */
export function parseProxyReport(text: string): ProxyReport | undefined {
  try {
    const parsed = schema.safeParse((JSON.parse(text) as { readonly report?: unknown }).report);
    return parsed.success ? (parsed.data as ProxyReport) : undefined;
  } catch {
    return undefined; // not JSON
  }
}
