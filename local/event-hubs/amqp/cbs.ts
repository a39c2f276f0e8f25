import type { Refusal } from "../refusal.ts";
import { type Claim, verifySharedAccessSignature } from "../shared-access-key.ts";
import { type Reply, type Request, textOf } from "./request-node.ts";

/** The tokens put on one connection (claims-based security). A link to a hub is refused without one. */
export interface Claims {
  /** Answers `put-token`. */
  answer(request: Request): Reply;
  /** Undefined when a valid token covers the hub. */
  refusal(hub: string): Refusal | undefined;
}

/** Valid for as long as the token says; a JWT is taken as it is, since no authority is there to ask. */
export function createClaims(now: () => number): Claims {
  const claims = new Map<string, Claim>();
  return {
    answer(request) {
      if (textOf(request, "operation") !== "put-token") return { status: 400, description: "Unknown operation" };
      const claim = readToken(request, now());
      if (claim === undefined) return unauthorized("The token has an invalid signature.");
      if (claim.expiresAt <= now()) return unauthorized("The token is expired.");
      claims.set(claim.audience, claim);
      return { status: 202, description: "Accepted" };
    },
    refusal(hub) {
      const covered = [...claims.values()].some((claim) => claim.expiresAt > now() && covers(claim.audience, hub));
      if (covered) return undefined;
      return {
        condition: "amqp:unauthorized-access",
        description: `Unauthorized access. A token for '${hub}' must be put at $cbs before a link to it is opened.`,
      };
    },
  };
}

function unauthorized(description: string): Reply {
  return { status: 401, description, condition: "amqp:unauthorized-access" };
}

const JWT_LIFE_MS = 3_600_000;

function readToken(request: Request, now: number): Claim | undefined {
  const audience = textOf(request, "name");
  if (textOf(request, "type") === "jwt") return { audience, expiresAt: now + JWT_LIFE_MS };
  const claim = typeof request.body === "string" ? verifySharedAccessSignature(request.body) : undefined;
  // The key signs a resource; the token serves for it and what lies under it.
  return claim !== undefined && audience.startsWith(claim.audience) ? { ...claim, audience } : undefined;
}

/** An audience is `sb://host[:port]/hub[/…]`; without a hub it covers the namespace. */
function covers(audience: string, hub: string): boolean {
  const [, path = ""] = /^\w+:\/\/[^/]*\/?(.*)$/.exec(audience) ?? [];
  const [first = ""] = path.split("/");
  return first === "" || first.toLowerCase() === hub.toLowerCase();
}
