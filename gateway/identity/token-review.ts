import { hash } from "node:crypto";
import { parseJson } from "../../shared/core/parse-json.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { ProxyAuthenticator, ProxyIdentity, ProxyRefusal } from "../xds/ports.ts";

/** The audience of the tokens that proxies present (design.md §6.1). */
export const xdsAudience = "weft-xds";

/** What Kubernetes says of a token, asked with the audience `weft-xds`. */
export interface TokenReviewResult {
  readonly authenticated: boolean;
  /** `system:serviceaccount:<namespace>:<name>` */
  readonly username: string;
  readonly namespace: string;
  /** From `authentication.kubernetes.io/pod-name` and `pod-uid`; empty when the token is not bound to a pod. */
  readonly podName: string;
  readonly podUid: string;
  /** Why not. */
  readonly error: string | undefined;
}

export interface KnownPod {
  readonly uid: string;
  /** Name of its ServiceAccount. */
  readonly serviceAccount: string;
  readonly hostNetwork: boolean;
  /** All its IPs. */
  readonly addresses: readonly string[];
  /** Gone; a pod that merely terminates is not. */
  readonly deleted: boolean;
}

export interface TokenAuthenticatorOptions {
  /** Rejects when Kubernetes does not answer. */
  readonly reviewToken: (token: string) => Promise<TokenReviewResult>;
  readonly findPod: (namespace: string, name: string) => KnownPod | undefined;
  readonly clock: Clock;
  /** Most tokens remembered. */
  readonly cacheSize?: number;
}

/**
 * Lets in a proxy whose token Kubernetes vouches for and whose pod is the one that the token was made for (design.md §6.3). A yes is
 * remembered until the token expires; the pod is looked at every time.
 */
export function createTokenAuthenticator(options: TokenAuthenticatorOptions): ProxyAuthenticator {
  const reviews = createReviewCache(options);
  return {
    async authenticate({ token, address }) {
      if (token === undefined) return refusal("UNAUTHENTICATED", "no bearer token");
      let review: TokenReviewResult;
      try {
        review = await reviews(token);
      } catch (error) {
        return refusal(
          "UNAVAILABLE",
          `the token could not be reviewed: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
      return checkPod(options, review, address);
    },
  };
}

function checkPod(
  options: TokenAuthenticatorOptions,
  review: TokenReviewResult,
  address: string,
): ProxyIdentity | ProxyRefusal {
  const { namespace, podName, podUid } = review;
  if (!review.authenticated) return refusal("UNAUTHENTICATED", review.error ?? "the token is not valid");
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(review.username);
  if (account === null) return refusal("PERMISSION_DENIED", `${review.username} is not a service account`);
  if (podName === "" || podUid === "") return refusal("PERMISSION_DENIED", "the token is not bound to a pod");
  const [, accountNamespace, serviceAccount = ""] = account;
  if (accountNamespace !== namespace)
    return refusal("PERMISSION_DENIED", "the token is of another namespace than its pod");
  const proxy = `${namespace}/${podName}`;
  const pod = options.findPod(namespace, podName);
  // Our own watch may be behind: the proxy tries again.
  if (pod === undefined) return refusal("UNAVAILABLE", `pod ${proxy} is not known`);
  if (pod.deleted) return refusal("PERMISSION_DENIED", `pod ${proxy} was deleted`);
  if (pod.uid !== podUid)
    return refusal("PERMISSION_DENIED", `pod ${proxy} is not the one that the token was made for`);
  if (pod.serviceAccount !== serviceAccount) {
    return refusal(
      "PERMISSION_DENIED",
      `pod ${proxy} runs as ${pod.serviceAccount}, the token is of ${serviceAccount}`,
    );
  }
  if (pod.hostNetwork)
    return refusal("PERMISSION_DENIED", `pod ${proxy} uses the host's network, whose address anybody there has`);
  if (pod.addresses.length === 0) return refusal("UNAVAILABLE", `pod ${proxy} has no address yet`);
  if (!pod.addresses.includes(address))
    return refusal("PERMISSION_DENIED", `${address} is not an address of pod ${proxy}`);
  return { proxy, namespace, pod: podName, podUid, serviceAccount };
}

function refusal(code: ProxyRefusal["code"], reason: string): ProxyRefusal {
  return { code, reason };
}

/** Remembers what was authenticated, by a hash so that no token stays in memory. Reviews of one token at the same time are one. */
function createReviewCache(options: TokenAuthenticatorOptions): (token: string) => Promise<TokenReviewResult> {
  const size = options.cacheSize ?? 20_000;
  const known = new Map<string, { readonly review: TokenReviewResult; readonly expires: number }>();
  const underway = new Map<string, Promise<TokenReviewResult>>();
  const ask = async (token: string, key: string): Promise<TokenReviewResult> => {
    const review = await options.reviewToken(token);
    const expires = readExpiry(token);
    if (review.authenticated && expires !== undefined) {
      const [oldest] = known.keys();
      if (known.size >= size && oldest !== undefined) known.delete(oldest);
      known.set(key, { review, expires });
    }
    return review;
  };
  return (token) => {
    const key = hash("sha256", token, "base64");
    const found = known.get(key);
    if (found !== undefined && found.expires > options.clock.now()) return Promise.resolve(found.review);
    known.delete(key);
    const asked = underway.get(key) ?? ask(token, key).finally(() => underway.delete(key));
    underway.set(key, asked);
    return asked;
  };
}

/** `exp` of a JWT in milliseconds. Its signature is Kubernetes' business, which has vouched for it. */
function readExpiry(token: string): number | undefined {
  const claims = parseJson(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  const exp = typeof claims === "object" && claims !== null && "exp" in claims ? claims.exp : undefined;
  return typeof exp === "number" ? exp * 1000 : undefined;
}
