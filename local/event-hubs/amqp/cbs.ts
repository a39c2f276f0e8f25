import type { Clock } from "../../../shared/ports/clock.ts";
import { type Refusal, unauthorizedFor } from "../refusal.ts";
import { type AccessKey, type Claim, type Right, verifySharedAccessSignature } from "../shared-access-key.ts";
import { type Reply, type Request, textOf } from "./request-node.ts";

/** The tokens put on one connection (claims-based security). A link to a hub is refused without one. */
export interface Claims extends Disposable {
  /** Answers `put-token`. */
  answer(request: Request): Reply;
  /** Undefined when a valid token gives this right (or any, when none is named) to the hub. */
  refusal(hub: string, right?: Right): Refusal | undefined;
}

export interface ClaimsOptions {
  readonly clock: Clock;
  readonly keys: readonly AccessKey[];
  /** A token has ended; what it covered may be covered by another one. */
  readonly onExpired: () => void;
}

/** The longest time that a timer takes. Tokens that last longer outlive every connection here. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Valid for as long as the token says; a JWT is taken as it is, since no authority is there to ask. */
export function createClaims({ clock, keys, onExpired }: ClaimsOptions): Claims {
  const claims = new Map<string, Claim>();
  const timers = new Set<Disposable>();

  function expireLater(claim: Claim): void {
    const left = claim.expiresAt - clock.now();
    if (left > MAX_TIMER_MS) return;
    const timer = clock.after(left, () => {
      timers.delete(timer);
      // Timers may ring a moment before the clock says so.
      if (claim.expiresAt > clock.now()) expireLater(claim);
      else onExpired();
    });
    timers.add(timer);
  }

  return {
    answer(request) {
      if (textOf(request, "operation") !== "put-token") return { status: 400, description: "Unknown operation" };
      const claim = readToken(request, { now: clock.now(), keys });
      if (claim === undefined) return unauthorized("The token has an invalid signature.");
      if (claim.expiresAt <= clock.now()) return unauthorized("ExpiredToken: The token is expired.");
      claims.set(claim.audience, claim);
      expireLater(claim);
      return { status: 202, description: "Accepted" };
    },
    refusal(hub, right) {
      const valid = [...claims.values()].filter((claim) => covers(claim.audience, hub));
      const now = clock.now();
      if (valid.some(({ expiresAt, rights }) => expiresAt > now && (right === undefined || rights.includes(right))))
        return undefined;
      if (valid.length > 0 && valid.every(({ expiresAt }) => expiresAt <= now)) return expired(hub);
      return unauthorizedFor(right === "send" ? "Send" : "Listen", hub);
    },
    [Symbol.dispose]() {
      for (const timer of timers) timer[Symbol.dispose]();
      timers.clear();
    },
  };
}

function expired(hub: string): Refusal {
  return {
    condition: "amqp:unauthorized-access",
    description: `ExpiredToken: The token is expired. Resource: '${hub}'.`,
  };
}

function unauthorized(description: string): Reply {
  return { status: 401, description, condition: "amqp:unauthorized-access" };
}

const JWT_LIFE_MS = 3_600_000;

function readToken(
  request: Request,
  { now, keys }: { readonly now: number; readonly keys: readonly AccessKey[] },
): Claim | undefined {
  const audience = textOf(request, "name");
  if (textOf(request, "type") === "jwt")
    return { audience, expiresAt: now + JWT_LIFE_MS, rights: ["send", "listen", "manage"] };
  const claim = typeof request.body === "string" ? verifySharedAccessSignature(request.body, keys) : undefined;
  // The key signs a resource; the token serves for it and what lies under it.
  return claim !== undefined && audience.startsWith(claim.audience) ? { ...claim, audience } : undefined;
}

/** An audience is `sb://host[:port]/hub[/…]`; without a hub it covers the namespace. */
function covers(audience: string, hub: string): boolean {
  const [, path = ""] = /^\w+:\/\/[^/]*\/?(.*)$/.exec(audience) ?? [];
  const [first = ""] = path.split("/");
  return first === "" || first.toLowerCase() === hub.toLowerCase();
}
