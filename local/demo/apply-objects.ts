import { setTimeout as pause } from "node:timers/promises";
import { isRefusal, type KubernetesClient } from "../../gateway/kubernetes/client.ts";
import type { ManifestObject } from "../scenarios/bookstore/manifests.ts";

/** What this demo needs of Kubernetes. */
export type KubernetesApi = Pick<KubernetesClient, "call">;

const fieldManager = "weft-demo";
const pollMs = 100;

/** As `kubectl apply --server-side --force-conflicts` does, one after the other in the order given. */
export async function applyObjects(client: KubernetesApi, objects: readonly ManifestObject[]): Promise<void> {
  for (const object of objects) {
    await client.call({
      method: "PATCH",
      path: `${pathOf(object)}?fieldManager=${fieldManager}&force=true`,
      body: object,
      contentType: "application/apply-patch+yaml",
    });
  }
}

/** Resolves when none of them is there any more; pods take their time to end. */
export async function deleteObjects(
  client: KubernetesApi,
  objects: readonly ManifestObject[],
  signal: AbortSignal,
): Promise<void> {
  for (const object of objects) await unlessMissing(client.call({ method: "DELETE", path: pathOf(object) }));
  for (const object of objects) {
    while ((await unlessMissing(client.call({ path: pathOf(object) }))) !== undefined)
      await pause(pollMs, undefined, { signal });
  }
}

/** The answer, or undefined where there is no such object. */
export async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

/** Every kind of the bookstore has the plural that Kubernetes gives a kind by default. */
export function pathOf({ apiVersion, kind, metadata }: ManifestObject): string {
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  return `${group}${namespace}/${kind.toLowerCase()}s/${metadata.name}`;
}
