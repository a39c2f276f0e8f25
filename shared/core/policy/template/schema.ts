import * as z from "zod";

/** The shape of the object's body after normalisation. Wording of faults comes from here, so say what is allowed. */
export const templateSchema = z.object({
  spec: z.object({
    /** Name of a Service in the policy's namespace. */
    service: z.string(),
    effect: z.string(),
  }),
});

export type Template = z.infer<typeof templateSchema>;
