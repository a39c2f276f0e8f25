import { z } from "zod";

/**
 * What can befall the hub (design.md §8). Operations: `send` (one transfer), `receive` (a reader that attaches), `deliver` (one event to
 * one reader), `manage` (`$management`), `now` (the control port's POST, out of turn).
 * Subjects: `hub` and `partition`, for `receive` and `deliver` also `group`; for `manage` only `hub`.
 */
export const hubFault = z.discriminatedUnion("fault", [
  /** Stored twice, answered once: as after a sender's retry. */
  z.strictObject({ fault: z.literal("duplicate"), on: z.enum(["send", "deliver"]) }),
  /** Stored and answered, or delivered, so much later. Sends that come meanwhile overtake it; deliveries wait behind it. */
  z.strictObject({
    fault: z.literal("delay"),
    on: z.enum(["send", "deliver"]),
    milliseconds: z.number().int().min(1).max(3_600_000),
  }),
  /** Stored, but the connection breaks before the answer. */
  z.strictObject({ fault: z.literal("unanswered"), on: z.literal("send") }),
  /** The link is closed by the service: nothing is stored, or what follows is not delivered on it. */
  z.strictObject({ fault: z.literal("detach"), on: z.enum(["send", "deliver"]) }),
  /** Throttled. */
  z.strictObject({ fault: z.literal("busy"), on: z.enum(["send", "receive", "manage"]) }),
  /** The right was withdrawn. */
  z.strictObject({ fault: z.literal("unauthorized"), on: z.enum(["send", "receive", "manage"]) }),
  /** Five others read there already. */
  z.strictObject({ fault: z.literal("reader-limit"), on: z.literal("receive") }),
  /** The newest events of the partition are lost, this transfer's among them, though they were acknowledged. `now` needs hub and partition. */
  z.strictObject({
    fault: z.literal("lose-tail"),
    on: z.enum(["send", "now"]),
    events: z.number().int().min(1),
    hub: z.string().optional(),
    partition: z.string().optional(),
  }),
  /** The hub is deleted and made again; this transfer is refused. `now` needs the hub. */
  z.strictObject({ fault: z.literal("recreate"), on: z.enum(["send", "now"]), hub: z.string().optional() }),
]);

export type HubFault = z.infer<typeof hubFault>;
