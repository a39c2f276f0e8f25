import { setTimeout as pause } from "node:timers/promises";
import type { ManifestObject } from "../scenarios/bookstore/manifests.ts";
import { type KubernetesApi, pathOf, unlessMissing } from "./apply-objects.ts";

interface PodStatus {
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

const pollMs = 100;

/** Resolves when all pods among `objects` are ready. Throws after `limitMs`, and says of each other one what it waits for. */
export async function waitForPods(
  client: KubernetesApi,
  objects: readonly ManifestObject[],
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const pods = objects.filter(({ kind }) => kind === "Pod");
  const end = performance.now() + limitMs;
  for (;;) {
    const statuses = await Promise.all(pods.map((pod) => unlessMissing(client.call<PodStatus>({ path: pathOf(pod) }))));
    const waiting = pods.flatMap(({ metadata }, index) => {
      const status = statuses[index];
      return isReady(status) ? [] : [`${metadata.namespace}/${metadata.name}: ${reasonOf(status)}`];
    });
    if (waiting.length === 0) return;
    if (performance.now() > end) throw new Error(`pods not ready after ${limitMs / 1_000} s: ${waiting.join("; ")}`);
    await pause(pollMs, undefined, { signal });
  }
}

function isReady(pod: PodStatus | undefined): boolean {
  return pod?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

function reasonOf(pod: PodStatus | undefined): string {
  if (pod === undefined) return "it does not exist";
  const { phase = "Pending", message, containerStatuses = [] } = pod.status ?? {};
  const reasons = containerStatuses.flatMap(({ name, state }) =>
    state?.waiting === undefined ? [] : [`${name} ${state.waiting.reason ?? ""} ${state.waiting.message ?? ""}`.trim()],
  );
  return [phase, ...(message === undefined ? [] : [message]), ...reasons].join(", ");
}
