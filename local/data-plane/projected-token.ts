/** The sidecar's projected service-account token, renewed on disk as kubelet does it (design.md §6). */

import { setTimeout as pause } from "node:timers/promises";
import { buildTokenSecret, TOKEN_FILE, TOKEN_SECRET_FILE } from "../../gateway/inject/bootstrap.ts";
import { PROXY_UID, XDS_TOKEN_AUDIENCE } from "../../gateway/inject/marks.ts";
import type { KubernetesClient } from "../../gateway/kubernetes/client.ts";
import type { Pod } from "./kubernetes-objects.ts";
import { writeProjectedVolume } from "./projected-volume.ts";

export interface TokenVolumeOptions {
  readonly client: KubernetesClient;
  readonly pod: Pod;
  /** The volume's directory; made here. */
  readonly directory: string;
  readonly seconds: number;
  /** Part of a token's life (0–1) after which the next one is fetched. */
  readonly renewAt: number;
  readonly report: (line: string) => void;
}

const RETRY_MS = 1_000;
const SHORTEST_RENEWAL_MS = 100;

/** Fetches the first token and writes the volume before it resolves, then keeps renewing until disposed. */
export async function startTokenVolume(options: TokenVolumeOptions): Promise<AsyncDisposable> {
  const stop = new AbortController();
  let life = await renew(options);
  const keepFresh = async (): Promise<void> => {
    let wait = renewalDelay(life, options.renewAt);
    while (!stop.signal.aborted) {
      await pause(wait, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) return;
      try {
        life = await renew(options);
        wait = renewalDelay(life, options.renewAt);
      } catch (error) {
        const { namespace, name } = options.pod.metadata;
        options.report(`token of ${namespace}/${name}: ${error instanceof Error ? error.message : String(error)}`);
        wait = RETRY_MS;
      }
    }
  };
  const running = keepFresh();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** One token, fetched and put in place; returns its life in milliseconds. */
async function renew({ client, pod, directory, seconds }: TokenVolumeOptions): Promise<number> {
  const { name, namespace = "default", uid } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? "default";
  const answer = (await client.call({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: [XDS_TOKEN_AUDIENCE],
        expirationSeconds: seconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
      },
    },
  })) as { readonly status: { readonly token: string; readonly expirationTimestamp: string } };
  const files = {
    [TOKEN_FILE]: answer.status.token,
    [TOKEN_SECRET_FILE]: `${JSON.stringify(buildTokenSecret(directory), undefined, 2)}\n`,
  };
  await writeProjectedVolume(directory, files, { uid: PROXY_UID, gid: PROXY_UID });
  return Date.parse(answer.status.expirationTimestamp) - Date.now();
}

function renewalDelay(life: number, renewAt: number): number {
  return Math.max(life * renewAt, SHORTEST_RENEWAL_MS);
}
