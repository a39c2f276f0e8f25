import assert from "node:assert/strict";
import { test } from "node:test";
import { KubernetesRefusal } from "../kubernetes/client.ts";
import { createFakeApi, until } from "../kubernetes/client-fixture.ts";
import type { SeenLease } from "./lease-watch.ts";
import { replicaLeaseName } from "./names.ts";
import { removeGoneReplicas } from "./remove-gone-replicas.ts";

const patience = 5;

function lease(name: string, age: number): SeenLease {
  return { name, holder: name, annotations: {}, alive: false, age };
}

test("Leases of replicas that are silent for long are removed, and nothing else", async () => {
  const api = createFakeApi(() => new KubernetesRefusal(404, "NotFound", "another was quicker"));
  const lost = new AbortController();
  const faults: Error[] = [];
  const work = removeGoneReplicas({
    client: api,
    namespace: "mesh",
    leases: {
      leases: () => [
        lease(replicaLeaseName("gone"), patience),
        lease(replicaLeaseName("here"), patience - 1),
        lease("weft-publisher", 1_000_000),
      ],
    },
    patience,
    fault: (error) => faults.push(error),
  });
  const working = work({ lost: lost.signal });
  await until(() => api.calls.length === 2); // again as long as the Lease is seen
  lost.abort();
  await working;
  for (const { method, path } of api.calls) {
    assert.equal(method, "DELETE");
    assert.equal(path, "/apis/coordination.k8s.io/v1/namespaces/mesh/leases/weft-replica-gone");
  }
  assert.deepEqual(faults, []);
});

test("a removal that fails is a fault, and is tried again", async () => {
  const api = createFakeApi(() => new KubernetesRefusal(500, "InternalError", "no"));
  const lost = new AbortController();
  const faults: Error[] = [];
  const leases = { leases: () => [lease(replicaLeaseName("gone"), patience)] };
  const options = { client: api, namespace: "mesh", leases, patience, fault: (error: Error) => faults.push(error) };
  const working = removeGoneReplicas(options)({ lost: lost.signal });
  await until(() => faults.length === 2);
  lost.abort();
  await working;
});
