import * as z from "zod";
import { absent, creationTimestamp } from "../fields.ts";

/** Each value is judged by itself when it is used, so that one bad value does not take the others with it. */
const values = absent(z.record(z.string(), z.unknown()));

/** config.openservicemesh.io/v1alpha2 (v1alpha1 is the same in what is read here). */
export const meshConfigSchema = z.object({
  spec: z.object({ traffic: values, sidecar: values }),
  creationTimestamp,
});

export type MeshConfig = z.infer<typeof meshConfigSchema>;
