/** The gateway's own dealings with a Kubernetes API server, as they go with a real one (1.36). */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { createKubernetesClient } from "../../gateway/kubernetes/client.ts";
import { clusterPictureTests } from "./gateway-kubernetes/cluster-picture.ts";
import { identityTests } from "./gateway-kubernetes/identity.ts";
import { leaseTests } from "./gateway-kubernetes/lease.ts";
import { listWatchTests } from "./gateway-kubernetes/list-watch.ts";
import type { GatewayPlace, GatewayTests } from "./gateway-kubernetes/place.ts";
import { createApiClient, eventually } from "./kubernetes/api-client.ts";
import type { Cluster } from "./kubernetes/world.ts";

const parts: readonly (readonly [string, GatewayTests])[] = [
  ["list and watch", listWatchTests],
  ["picture of the cluster", clusterPictureTests],
  ["Lease", leaseTests],
  ["identity", identityTests],
];

/** @param open gives a running cluster; what the suite makes there lies in a namespace of its own, but for the mesh's definitions */
export function gatewayKubernetesContract(name: string, open: () => Promise<Cluster>): void {
  describe(`the gateway on Kubernetes: ${name}`, () => {
    let cluster: Cluster;
    let folder: string;
    let place: GatewayPlace;
    before(async () => {
      cluster = await open();
      folder = mkdtempSync(join(tmpdir(), "weft-gateway-contract-"));
      const file = join(folder, "kubeconfig");
      writeFileSync(file, cluster.kubeconfig, { mode: 0o600 });
      const namespace = `gateway-${process.pid}`;
      place = { api: await createApiClient(cluster.kubeconfig), client: await createKubernetesClient(file), namespace };
      await place.api.post("/api/v1/namespaces", { metadata: { name: namespace } });
      await eventually(
        () => place.api.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`),
        ({ code }) => code === 200,
      );
    });
    after(async () => {
      const { api, namespace } = place;
      await api.delete(`/api/v1/nodes/${namespace}`);
      await api.delete(`/api/v1/namespaces/${namespace}/pods`, { gracePeriodSeconds: 0 });
      await api.delete(`/api/v1/namespaces/${namespace}`);
      await cluster[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });
    for (const [part, tests] of parts) describe(part, () => tests(() => place));
  });
}
