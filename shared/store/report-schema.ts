import * as z from "zod";
import { problemCatalogue } from "../core/mesh/problem.ts";

/** Whole, from 0. */
export const count = z.int().min(0);

/** What reports are made of, whether they come from a replica's Lease or from the hub; how many of each are taken is for the reader to say. */
export const reportTotals = z.object({ connected: count, settled: count, refusing: count });

export const reportedChange = z.object({
  version: count,
  proxies: count,
  settled: count,
  refused: count,
  first: z.string().optional(),
  last: z.string().optional(),
});

export const reportedProxy = z.object({
  proxy: z.string(),
  account: z.string(),
  wanted: count,
  acknowledged: count,
  connectedSince: z.string(),
  refused: z.string().optional(),
});

export const reportedProblem = z.object({
  code: z.enum(Object.keys(problemCatalogue) as never),
  object: z.object({ group: z.string(), kind: z.string(), namespace: z.string(), name: z.string() }),
  message: z.string(),
});
