import { z } from "zod";

/**
 * What can befall the host (design.md §8). Operations: `invocation` (one attempt at a function, subject `function`) and `checkpoint` (one
 * position to be written, subject `hub`, `partition`, `group`).
 */
export const hostFault = z.discriminatedUnion("fault", [
  /** The worker is killed: before the position is written, or at that many awaits after the invocation began (0: at once). */
  z.strictObject({
    fault: z.literal("kill"),
    on: z.enum(["invocation", "checkpoint"]),
    awaits: z.number().int().min(0).default(0),
  }),
  /** The worker stands still, timers and heartbeats too: a machine that is frozen. */
  z.strictObject({ fault: z.literal("stall"), on: z.literal("invocation"), milliseconds: z.number().int().min(1) }),
  /** A second owner of the partition, with the same checkpoint, works on the same batch at the same time. */
  z.strictObject({ fault: z.literal("two-owners"), on: z.literal("invocation") }),
  /** The attempt counts as failed, without or after all of its effect: after the last retry the position is written nevertheless. */
  z.strictObject({
    fault: z.literal("fail"),
    on: z.literal("invocation"),
    effect: z.enum(["none", "all"]).default("none"),
  }),
  /** The position is not written; after a restart the batch comes again. */
  z.strictObject({ fault: z.literal("lose"), on: z.literal("checkpoint") }),
]);

export type HostFault = z.infer<typeof hostFault>;

/** Who decides: in the same process, or (as counts must outlive a killed worker) in the one that started it. */
export interface HostFaults {
  befall(on: HostFault["on"], subject: Readonly<Record<string, string>>): Promise<readonly HostFault[]>;
}
