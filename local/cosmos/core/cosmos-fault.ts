import { z } from "zod";

const milliseconds = z.number().int().min(0);
const anything = z.enum(["read", "write", "query", "feed", "any"]);
const reading = z.enum(["read", "query", "feed", "any"]);

/** What can befall a request (README.md of this folder's parent says it in words). */
export const cosmosFault = z.discriminatedUnion("fault", [
  /** Done, and the answer never comes. The connection is held for a while before it breaks. */
  z.strictObject({ fault: z.literal("answer-lost"), on: anything, milliseconds: milliseconds.default(0) }),
  /** Not done, and no answer comes. */
  z.strictObject({ fault: z.literal("request-lost"), on: anything, milliseconds: milliseconds.default(0) }),
  /** Not done, and said so. */
  z.strictObject({
    fault: z.literal("refused"),
    on: anything,
    status: z.number().int().min(400).max(599),
    substatus: z.number().int().optional(),
    /** ms; goes into `x-ms-retry-after-ms`. */
    retryAfter: milliseconds.optional(),
  }),
  /** Answered by a replica that is behind by so much, yet not behind the session that the client shows. */
  z.strictObject({ fault: z.literal("stale"), on: reading, milliseconds }),
  /** Before the request, the whole account goes back to what it was so long ago. */
  z.strictObject({ fault: z.literal("restore"), on: anything, milliseconds }),
]);

export type CosmosFault = z.infer<typeof cosmosFault>;
