import type { KubernetesClient } from "../kubernetes/client.ts";
import { type KeptData, type ReadData, readData, writeData } from "../kubernetes/kept-data.ts";
import type { AuthorityMaterial, AuthorityStore } from "./certificate-authority.ts";
import { type TokenReviewResult, xdsAudience } from "./token-review.ts";

/** Annotation of the authority's Secret: another value than the one before asks for another root. */
export const rotateRootAnnotation = "weft.dev/rotate-root";

export const authoritySecret = "weft-certificate-authority";

/** The built-in authority's keys, in a Secret of the gateway's namespace. */
export function createAuthorityStore(client: KubernetesClient, namespace: string): AuthorityStore {
  const secret: KeptData = { kind: "Secret", namespace, name: authoritySecret };
  const read = new WeakMap<AuthorityMaterial, ReadData>();
  return {
    async load() {
      const stored = await readData(client, secret);
      const text = stored?.data["authority.json"];
      if (stored === undefined || text === undefined) return undefined;
      const material = JSON.parse(text) as AuthorityMaterial;
      read.set(material, stored);
      return { material, request: stored.annotations[rotateRootAnnotation] };
    },
    save: (next, previous) =>
      writeData(client, secret, {
        data: { "authority.json": JSON.stringify(next) },
        previous: previous && read.get(previous),
      }),
  };
}

/** The roots, for whoever makes bootstraps: injection, and the local data plane. */
export async function publishRoots(client: KubernetesClient, namespace: string, roots: string): Promise<void> {
  const configMap: KeptData = { kind: "ConfigMap", namespace, name: "weft-roots" };
  for (;;) {
    const previous = await readData(client, configMap);
    if (previous?.data["ca.crt"] === roots) return;
    if (await writeData(client, configMap, { data: { "ca.crt": roots }, previous })) return;
  }
}

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly error?: string;
    readonly audiences?: readonly string[];
    readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  };
}

/** Asks Kubernetes with our audience; a server that does not know audiences says so by not returning ours, which counts as no. */
export async function reviewToken(client: KubernetesClient, token: string): Promise<TokenReviewResult> {
  const review = await client.call<TokenReview>({
    method: "POST",
    path: "/apis/authentication.k8s.io/v1/tokenreviews",
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token, audiences: [xdsAudience] } },
  });
  const { authenticated = false, audiences = [], user, error } = review.status ?? {};
  const username = user?.username ?? "";
  const extra = (name: string): string => user?.extra?.[`authentication.kubernetes.io/${name}`]?.[0] ?? "";
  return {
    authenticated: authenticated && audiences.includes(xdsAudience),
    username,
    namespace: username.split(":")[2] ?? "",
    podName: extra("pod-name"),
    podUid: extra("pod-uid"),
    error,
  };
}
