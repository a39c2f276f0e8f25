import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { emptyClusterState, objectsOf } from "../../shared/core/state/cluster-state.ts";
import { evolve } from "../../shared/core/state/evolve.ts";
import type { KubernetesObject } from "../support/build.ts";
import { eventsOf } from "../support/golden/stages.ts";
import { cases, clustersOf, semantics } from "./clusters.ts";
import { compileObjects } from "./compiled.ts";

/** Each case runs the gateway's own watches over a cluster that stands still. */
const few = { numRuns: Math.ceil(cases.numRuns / 5) };

const { objects } = clustersOf({ places: ["a"], names: ["x", "y"], most: 8 });

/** In every place where something confidential may stand. */
const marker = "c0nf1dential";

/** Of everything that Kubernetes keeps beside what the mesh reads: annotations, labels, owners, who wrote which field, environment, volumes, status. */
function withSecrets(object: KubernetesObject): KubernetesObject {
  const { metadata } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, [`example.com/${marker}`]: marker },
      annotations: {
        ...metadata.annotations,
        "kubectl.kubernetes.io/last-applied-configuration": `{"password":"${marker}"}`,
        [`${marker}.example.com/token`]: marker,
      },
      managedFields: [{ manager: "kubectl", operation: "Apply", fieldsV1: { [`f:${marker}`]: {} } }],
      ownerReferences: [{ kind: "Deployment", name: marker, uid: marker }],
      finalizers: [marker],
    },
    data: { password: marker },
    secrets: [{ name: marker }],
    imagePullSecrets: [{ name: marker }],
    ...(object.kind === "Pod" && { spec: podSpec(object) }),
    status: { ...(object["status"] as object | undefined), message: marker, containerStatuses: [{ image: marker }] },
  };
}

function podSpec({ spec = {} }: KubernetesObject): NonNullable<KubernetesObject["spec"]> {
  const containers = (spec["containers"] as readonly object[]).map((container) => ({
    ...container,
    env: [{ name: "PASSWORD", value: marker }],
    args: [`--password=${marker}`],
    volumeMounts: [{ name: marker, mountPath: `/${marker}` }],
  }));
  return { ...spec, containers, volumes: [{ name: marker, secret: { secretName: marker } }], nodeName: marker };
}

const strangers: readonly KubernetesObject[] = ["Secret", "ConfigMap", "Deployment"].map((kind) => ({
  apiVersion: kind === "Deployment" ? "apps/v1" : "v1",
  kind,
  metadata: { name: "vault", namespace: "a" },
  data: { token: marker },
}));

test("6. nothing confidential leaves the cluster: not in an event, not in a resource, not in a problem", async () => {
  await fc.assert(
    fc.asyncProperty(objects, semantics, async (given, mode) => {
      const events = await eventsOf([...given.map(withSecrets), ...strangers]);
      assert.doesNotMatch(JSON.stringify(events), new RegExp(marker));
      const { objects: state } = events.reduce((before, event) => evolve(before, event).state, emptyClusterState);
      const { snapshot, problems } = compileObjects(objectsOf(state), mode);
      assert.doesNotMatch(JSON.stringify(problems), new RegExp(marker));
      for (const { body } of snapshot.resources.values()) assert.ok(!Buffer.from(body).includes(marker));
    }),
    few,
  );
});
