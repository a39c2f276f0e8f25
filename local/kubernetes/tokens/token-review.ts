/** Whose token is this, and may it be used here: TokenReview and the server's own authentication. */
import { at, listOf, textOf } from "../json.ts";
import { serviceAccountKind } from "../kinds/plain-kinds.ts";
import { podKind } from "../kinds/pod.ts";
import type { World } from "../world.ts";
import { issuer, type TokenClaims } from "./tokens.ts";

export interface User {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

function userOf({ namespace, serviceAccount, pod, node, id }: TokenClaims): User {
  const extra: Record<string, readonly string[]> = { "authentication.kubernetes.io/credential-id": [`JTI=${id}`] };
  if (node !== undefined) {
    extra["authentication.kubernetes.io/node-name"] = [node.name];
    extra["authentication.kubernetes.io/node-uid"] = [node.uid];
  }
  if (pod !== undefined) {
    extra["authentication.kubernetes.io/pod-name"] = [pod.name];
    extra["authentication.kubernetes.io/pod-uid"] = [pod.uid];
  }
  return {
    username: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    uid: serviceAccount.uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    extra,
  };
}

/** Why a token of ours is no longer good: what it is bound to is gone. */
function bindingFault(world: World, { namespace, serviceAccount, pod }: TokenClaims): string | undefined {
  const account = world.store.get(serviceAccountKind.collection, namespace, serviceAccount.name);
  if (account?.metadata.uid !== serviceAccount.uid) {
    return "[invalid bearer token, service account token has been invalidated]";
  }
  if (pod === undefined) return undefined;
  const bound = world.store.get(podKind.collection, namespace, pod.name);
  return bound?.metadata.uid === pod.uid
    ? undefined
    : "[invalid bearer token, service account token has been invalidated]";
}

/**
 * The user of a token that is meant for one of the audiences (none: for the API server).
 *
 * @returns the user and which of the audiences the token is for, or why the token is refused
 */
export function authenticateToken(
  world: World,
  token: string,
  audiences: readonly string[],
): { readonly user: User; readonly audiences: readonly string[] } | { readonly refused: string } {
  const claims = world.tokens.verify(token, world.now());
  if ("refused" in claims) return claims;
  const wanted = audiences.length === 0 ? [issuer] : audiences;
  const shared = claims.audiences.filter((audience) => wanted.includes(audience));
  if (shared.length === 0) {
    const has = JSON.stringify(claims.audiences);
    return {
      refused: `[invalid bearer token, token audiences ${has} is invalid for the target audiences ${JSON.stringify(wanted)}]`,
    };
  }
  const fault = bindingFault(world, claims);
  return fault === undefined ? { user: userOf(claims), audiences: shared } : { refused: fault };
}

/** Answers a TokenReview. A token that is not good is an answer, not an error. */
export function reviewToken(world: World, body: unknown): object {
  const token = textOf(at(body, "spec", "token"));
  const audiences = listOf(at(body, "spec", "audiences")).map(textOf);
  const found = authenticateToken(world, token, audiences);
  const status =
    "refused" in found
      ? { user: {}, error: found.refused }
      : { authenticated: true, user: found.user, audiences: found.audiences };
  return {
    kind: "TokenReview",
    apiVersion: "authentication.k8s.io/v1",
    metadata: {},
    spec: { token, audiences },
    status,
  };
}
