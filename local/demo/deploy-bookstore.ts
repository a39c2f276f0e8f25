import type { ManifestObject } from "../scenarios/bookstore/manifests.ts";
import { readManifest } from "../scenarios/bookstore/manifests.ts";
import { applyObjects, deleteObjects, type KubernetesApi, pathOf } from "./apply-objects.ts";
import { deployed, rows } from "./rows.ts";
import { waitForPods } from "./wait-for-pods.ts";

export interface DeployOptions {
  /** For all pods to become ready. Milliseconds; 60 s unless told otherwise. */
  readonly readyLimitMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Brings the bookstore to the state before the first row: what an earlier walk left is removed, all pods but version 2 are
 * ready, nothing is allowed. Throws when a pod does not become ready in time.
 */
export async function deployBookstore(client: KubernetesApi, options: DeployOptions = {}): Promise<void> {
  const { readyLimitMs = 60_000, signal = new AbortController().signal } = options;
  const objects = deployed.flatMap(readManifest);
  const standing = new Set(objects.map(pathOf));
  const later = rows.flatMap((row) => [...row.deploy, ...row.apply]).flatMap(readManifest);
  const leftOver = new Map<string, ManifestObject>();
  for (const object of later) if (!standing.has(pathOf(object))) leftOver.set(pathOf(object), object);
  await applyObjects(
    client,
    objects.filter(({ kind }) => kind === "Namespace"),
  );
  await deleteObjects(client, [...leftOver.values()].toReversed(), signal);
  await applyObjects(client, objects);
  await waitForPods(client, objects, { limitMs: readyLimitMs, signal });
}
