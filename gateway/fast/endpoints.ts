import type { AccountKey, ServiceKey } from "../../shared/core/mesh/mesh.ts";
import type { AssignedEndpoint, AssignedGroup } from "../../shared/core/xds/assignments.ts";
import type { EndpointGroup, EndpointSet } from "../../shared/core/xds/fast-sets.ts";
import type { EndpointSlice } from "../kubernetes/endpoint-slices.ts";
import type { Pod } from "../kubernetes/pods.ts";
import type { SelectingService } from "../kubernetes/workload-classes.ts";

/** What the fast lane reads of the cluster. */
export interface EndpointDirectory {
  readonly slices: (service: ServiceKey) => Iterable<EndpointSlice>;
  readonly pod: (key: string) => Pod | undefined;
  readonly service: (key: ServiceKey) => SelectingService | undefined;
}

/** An address behind a Service port that may be called. */
export interface Endpoint extends AssignedEndpoint {
  readonly account: AccountKey;
}

/** Endpoints of each group of a set, admitted by the account of their pod (design.md §5, Endpoint). */
export function assign(directory: EndpointDirectory, set: EndpointSet): readonly AssignedGroup[] {
  return set.groups.map((group) => ({
    label: group.label,
    sinkhole: group.sinkhole,
    ...(group.weight !== undefined && { weight: group.weight }),
    endpoints: admitted(directory, group),
  }));
}

/** Sorted by address, then port, without repeats. Only pods with a sidecar: an endpoint without one cannot prove who it is. */
export function admitted(
  directory: EndpointDirectory,
  group: Pick<EndpointGroup, "service" | "port" | "accounts">,
): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  const accounts = new Set(group.accounts);
  if (accounts.size === 0) return [];
  const portName = portNameOf(directory, group.service, group.port);
  if (portName === undefined) return [];
  for (const slice of directory.slices(group.service)) {
    const port = slice.ports.find(({ name }) => name === portName)?.port;
    if (port === undefined) continue;
    for (const { addresses, ready, serving, terminating, pod: key, podUid } of slice.endpoints) {
      const pod = key === undefined ? undefined : directory.pod(key);
      if (pod === undefined || !pod.meshed || !accounts.has(pod.account)) continue;
      if (podUid !== undefined && podUid !== pod.uid) continue; // of the pod that had the name before, maybe as another account
      if (!ready && !(serving && terminating)) continue;
      for (const address of addresses) {
        // Two slices may list one endpoint while it moves between them; what one of them calls ready is.
        const draining = !ready && found.get(`${address} ${port}`)?.draining !== false;
        found.set(`${address} ${port}`, { address, port, draining, account: pod.account });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port));
}

/** Slices name their ports as the Service does; a single port may have no name. */
function portNameOf(directory: EndpointDirectory, service: ServiceKey, port: number): string | undefined {
  const found = directory.service(service)?.spec?.ports?.find((servicePort) => servicePort.port === port);
  return found === undefined ? undefined : (found.name ?? "");
}
