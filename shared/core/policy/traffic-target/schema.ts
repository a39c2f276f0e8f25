import * as z from "zod";
import { absent, namespaceName, objectName } from "../fields.ts";

const account = z.object({ kind: z.string(), name: objectName, namespace: absent(namespaceName) });

const rule = z.object({ kind: z.string(), name: z.string(), matches: absent(z.array(z.string())) });

/** access.smi-spec.io/v1alpha3 */
export const trafficTargetSchema = z.object({
  spec: z.object({
    destination: account,
    sources: absent(z.array(account)),
    rules: absent(z.array(rule)),
  }),
});

export type TrafficTarget = z.infer<typeof trafficTargetSchema>;
export type TrafficTargetRule = z.infer<typeof rule>;
