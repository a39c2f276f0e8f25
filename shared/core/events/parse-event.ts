import * as z from "zod";
import type { ContentHash } from "../brand.ts";
import { contentHash, type JsonObject } from "../canonical.ts";
import { parseJson } from "../parse-json.ts";
import { type ClusterEvent, type EventOrigin, eventVersion } from "./cluster-event.ts";
import type { Envelope } from "./envelope.ts";

const envelopeSchema = z.object({ kid: z.string().min(1), signature: z.string().min(1), event: z.string().min(2) });

const natural = z.int().min(0);
const hash = z.string().length(16) as unknown as z.ZodType<ContentHash>;
const objectKey = z.object({
  group: z.string(),
  kind: z.string().min(1),
  namespace: z.string(),
  name: z.string().min(1),
});
const cause = z.object({
  generation: natural.optional(),
  resourceVersion: z.string().optional(),
  manager: z.string().optional(),
  time: z.string().optional(),
});

const originSchema = z.object({
  v: z.int(),
  mesh: z.string().min(1),
  cluster: z.string().min(1),
  epoch: z.int().min(1),
  seq: z.int().min(1),
  time: z.string(),
  traceparent: z.string().optional(),
});

const factSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("ListStarted"),
    reason: z.string(),
    asserts: hash.optional(),
    seen: z.object({ incarnation: z.string(), version: natural, policyVersion: natural }).optional(),
  }),
  z.object({
    type: z.literal("ObjectApplied"),
    object: objectKey,
    uid: z.string(),
    body: z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>,
    cause,
  }),
  z.object({ type: z.literal("ObjectDeleted"), object: objectKey, uid: z.string(), cause }),
  z.object({
    type: z.literal("ObjectRefused"),
    object: objectKey,
    uid: z.string(),
    bodyHash: hash,
    reason: z.string(),
    cause,
  }),
  z.object({ type: z.literal("ListEnded"), state: hash }),
  z.object({ type: z.literal("Heartbeat"), state: hash }),
  z.object({ type: z.literal("ServedLocally"), root: hash, state: hash, from: z.string(), to: z.string() }),
]);

/**
 * An event that cannot be taken. With an origin it is kept in `rejected` under its cluster; without one it is only counted. Where the object is known,
 * `instead` takes the event's seq and puts a refused marker into the state: a bad body must not block what follows.
 */
export interface Rejection {
  readonly reason: string;
  readonly origin?: EventOrigin;
  readonly instead?: ClusterEvent;
}

/** `message` is the hub message's body: an object, or its JSON text. */
export function parseEnvelope(message: unknown): Envelope | undefined {
  const parsed = envelopeSchema.safeParse(typeof message === "string" ? parseJson(message) : message);
  return parsed.success ? parsed.data : undefined;
}

/** `text` is the signed event. The origin is read first, so that an event with a bad body still says whose it is. */
export function parseEvent(text: string): ClusterEvent | Rejection {
  const json = parseJson(text);
  const origin = originSchema.safeParse(json);
  if (!origin.success) return { reason: `not an event: ${describe(origin.error)}` };
  if (origin.data.v !== eventVersion) {
    return { reason: `event version ${origin.data.v} is not known here`, origin: origin.data as EventOrigin };
  }
  const fact = factSchema.safeParse(json);
  if (!fact.success) return unreadable(origin.data as EventOrigin, describe(fact.error), json);
  return { ...origin.data, ...fact.data } as ClusterEvent;
}

export function isRejection(value: ClusterEvent | Rejection): value is Rejection {
  return "reason" in value && !("type" in value);
}

function unreadable(origin: EventOrigin, reason: string, json: unknown): Rejection {
  const object = z.object({ object: objectKey, uid: z.string().default("") }).safeParse(json);
  if (!object.success) return { reason, origin };
  const bodyHash = contentHash(JSON.stringify(json));
  return { reason, origin, instead: { ...origin, type: "ObjectRefused", ...object.data, bodyHash, reason, cause: {} } };
}

function describe(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join(".") || "(event)"}: ${issue.message}`).join("; ");
}
