import { z } from "zod";

const request = z.enum(["read", "write", "watch"]);
const milliseconds = z.number().int().min(0).max(3_600_000);

/**
 * What can befall the API server (design.md §8). Operations: `read` (get, list), `write` (all that changes or asks by POST), `watch` (one that is
 * opened), `change` (a stored change on its way to the watches), `now` (the control port's POST, out of turn).
 * Subjects: `resource` ("pods", "leases.coordination.k8s.io"), `namespace` and `name` where there are such; for requests also `verb`, for changes
 * `type` (ADDED, MODIFIED, DELETED).
 */
export const kubernetesFault = z.discriminatedUnion("fault", [
  /** Nothing is done, and the connection breaks. */
  z.strictObject({ fault: z.literal("request-lost"), on: request }),
  /** Done; then the connection breaks, or the answer says that it took too long (504) or failed (500). */
  z.strictObject({
    fault: z.literal("answer-lost"),
    on: z.literal("write"),
    status: z.union([z.literal(500), z.literal(504)]).optional(),
  }),
  /** Nothing is done, and the answer says so. `retryAfter` is in seconds. */
  z.strictObject({
    fault: z.literal("refused"),
    on: request,
    status: z.union([z.literal(429), z.literal(500), z.literal(503), z.literal(504)]),
    retryAfter: z.number().int().min(0).optional(),
  }),
  z.strictObject({ fault: z.literal("delay"), on: request, milliseconds }),
  /** The watch cache is behind: this change and those after it reach watches, and reads that allow old data, so much later. */
  z.strictObject({ fault: z.literal("lag"), on: z.literal("change"), milliseconds }),
  /** Watches end: those of the resource in place of the change, or all of them. */
  z.strictObject({ fault: z.literal("close"), on: z.enum(["change", "now"]) }),
  /** Watches end with 410 Expired in place of the change; or the one that is opened does. */
  z.strictObject({ fault: z.literal("expire"), on: z.enum(["change", "watch"]) }),
  /** The history is forgotten, as by a compaction: no watch goes on from before. */
  z.strictObject({ fault: z.literal("forget"), on: z.enum(["write", "now"]) }),
  /** An object is gone, before the write is looked at. `resource` as in the subjects. */
  z.strictObject({
    fault: z.literal("remove"),
    on: z.enum(["write", "now"]),
    resource: z.string(),
    namespace: z.string().optional(),
    name: z.string(),
  }),
  /** The store is what it was so many changes ago, and so are the revisions, as after an etcd was restored. All watches end. */
  z.strictObject({ fault: z.literal("restore"), on: z.enum(["write", "now"]), changes: z.number().int().min(1) }),
]);

export type KubernetesFault = z.infer<typeof kubernetesFault>;
