/** What Weft relies on in a Kubernetes API server, as real ones (1.36) behave. */
import { after, before, describe } from "node:test";
import { createApiClient } from "./kubernetes/api-client.ts";
import { applyTests } from "./kubernetes/apply.ts";
import { coordinationTests } from "./kubernetes/coordination.ts";
import { customResourceTests } from "./kubernetes/custom-resources.ts";
import { listTests } from "./kubernetes/lists.ts";
import { objectTests } from "./kubernetes/objects.ts";
import { tokenTests } from "./kubernetes/tokens.ts";
import { watchTests } from "./kubernetes/watches.ts";
import { workloadTests } from "./kubernetes/workloads.ts";
import type { Cluster, Place, Tests } from "./kubernetes/world.ts";

const parts: readonly (readonly [string, Tests])[] = [
  ["objects", objectTests],
  ["lists", listTests],
  ["watches", watchTests],
  ["workloads", workloadTests],
  ["custom resources", customResourceTests],
  ["server-side apply", applyTests],
  ["coordination", coordinationTests],
  ["tokens", tokenTests],
];

/** @param open gives a running cluster; what the suite makes there lies in a namespace of its own */
export function kubernetesContract(name: string, open: () => Promise<Cluster>): void {
  describe(`Kubernetes API: ${name}`, () => {
    let cluster: Cluster;
    let place: Place;
    before(async () => {
      cluster = await open();
      const api = await createApiClient(cluster.kubeconfig);
      const namespace = `contract-${process.pid}`;
      place = { api, namespace };
      await api.post("/api/v1/namespaces", { metadata: { name: namespace } });
      const account = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
      // Pods are refused until the namespace has its service account.
      while ((await api.get(account)).code !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
    });
    after(async () => {
      const { api, namespace } = place;
      await api.delete(`/api/v1/nodes/${namespace}-node`);
      await api.delete(`/api/v1/namespaces/${namespace}/pods`, { gracePeriodSeconds: 0 });
      await api.delete(`/api/v1/namespaces/${namespace}`);
      await cluster[Symbol.asyncDispose]();
    });
    for (const [part, tests] of parts) describe(part, () => tests(() => place));
  });
}
