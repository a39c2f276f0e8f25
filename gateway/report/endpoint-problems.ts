import { isJsonObject } from "../../shared/core/canonical.ts";
import { kinds } from "../../shared/core/events/kinds.ts";
import { ignoreLabel, monitoredByLabel } from "../../shared/core/events/normalise.ts";
import { parseNamespacedName, type ServiceKey } from "../../shared/core/mesh/mesh.ts";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import { objectKeyText } from "../../shared/core/object.ts";
import { readStateEntry } from "../../shared/core/state/cluster-state.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";

export interface EndpointProblemsOptions {
  readonly objects: Pick<ClusterObjects, "objects" | "slices" | "pod" | "onChange">;
  readonly clock: Clock;
  /** A pod and its slice come by different watches: what is odd only for a moment is no problem. Milliseconds. */
  readonly patience: number;
  readonly show: (problems: readonly Problem[]) => void;
}

/** Endpoints that are left out because they have no sidecar: a problem on their Service (design.md §5, Endpoint). */
export function watchEndpointProblems(options: EndpointProblemsOptions): Disposable {
  const { objects, clock } = options;
  const found = new Map<ServiceKey, Problem>();
  const waiting = new Map<ServiceKey, Disposable>();
  const look = (service: ServiceKey): void => {
    waiting.delete(service);
    const problem = problemOf(objects, service);
    if (problem?.message === found.get(service)?.message) return;
    if (problem === undefined) found.delete(service);
    else found.set(service, problem);
    options.show([...found.values()]);
  };
  const lookSoon = (service: ServiceKey): void => {
    if (!waiting.has(service))
      waiting.set(
        service,
        clock.after(options.patience, () => look(service)),
      );
  };
  const changes = objects.onChange((change) => {
    if (change.kind === "endpoints") lookSoon(change.service);
    // A pod may have got its mark, a namespace may have left the mesh: what stands is looked at again.
    else for (const service of found.keys()) lookSoon(service);
  });
  return {
    [Symbol.dispose]() {
      changes[Symbol.dispose]();
      for (const timer of waiting.values()) timer[Symbol.dispose]();
    },
  };
}

function problemOf(objects: EndpointProblemsOptions["objects"], service: ServiceKey): Problem | undefined {
  const { namespace, name } = parseNamespacedName(service);
  const key = { ...kinds.service, namespace, name };
  if (!isInMesh(objects, namespace) || objects.objects().get(objectKeyText(key)) === undefined) return undefined;
  const bare = new Set<string>();
  for (const slice of objects.slices(service)) {
    for (const { addresses, pod } of slice.endpoints) {
      if (pod === undefined || objects.pod(pod)?.meshed !== true)
        for (const address of addresses) bare.add(pod ?? address);
    }
  }
  if (bare.size === 0) return undefined;
  const [first] = [...bare].sort();
  const others = bare.size === 1 ? "" : ` and ${bare.size - 1} more`;
  return {
    code: "endpoint-without-sidecar",
    object: key,
    message: `${first}${others} behind this Service has no sidecar`,
  };
}

function isInMesh(objects: EndpointProblemsOptions["objects"], namespace: string): boolean {
  const entry = objects.objects().get(objectKeyText({ ...kinds.namespace, namespace: "", name: namespace }));
  const labels = entry === undefined ? undefined : readStateEntry(entry).body["labels"];
  return isJsonObject(labels) && labels[monitoredByLabel] !== undefined && labels[ignoreLabel] === undefined;
}
