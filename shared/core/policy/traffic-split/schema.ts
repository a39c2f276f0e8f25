import * as z from "zod";
import { absent, creationTimestamp } from "../fields.ts";

/** split.smi-spec.io/v1alpha4; v1alpha2 has no `matches` and is otherwise the same. Whether a weight can be used is decided backend by backend. */
export const trafficSplitSchema = z.object({
  spec: z.object({
    service: z.string(),
    backends: absent(z.array(z.object({ service: z.string(), weight: z.number() }))),
    matches: absent(z.array(z.object({ kind: z.string(), name: z.string() }))),
  }),
  creationTimestamp,
});

export type TrafficSplit = z.infer<typeof trafficSplitSchema>;
