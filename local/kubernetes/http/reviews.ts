/** Kinds that are questions: they are answered, not stored. */
import { at } from "../json.ts";
import { reviewToken } from "../tokens/token-review.ts";
import type { World } from "../world.ts";
import type { Call } from "./call.ts";

/** The answer to a review. Everybody who is let in may do everything. */
export function answerReview(world: World, call: Call, { kind, body }: { kind: string; body: unknown }): object {
  const spec = at(body, "spec") ?? {};
  const apiVersion = `${kind.endsWith("AccessReview") ? "authorization" : "authentication"}.k8s.io/v1`;
  switch (kind) {
    case "TokenReview":
      return reviewToken(world, body);
    case "SelfSubjectReview":
      return { kind, apiVersion, metadata: {}, status: { userInfo: call.user } };
    default:
      return { kind, apiVersion, metadata: {}, spec, status: { allowed: true, reason: "everything is allowed here" } };
  }
}
