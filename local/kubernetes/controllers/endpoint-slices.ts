/** Keeps the EndpointSlices of every Service that has a selector. */
import { randomUUID } from "node:crypto";
import { at, isRecord, recordOf, recordsOf, sameJson, textOf } from "../json.ts";
import { endpointSliceKind, serviceNameOf } from "../kinds/endpoint-slice.ts";
import { nodeKind } from "../kinds/plain-kinds.ts";
import { podKind } from "../kinds/pod.ts";
import { serviceKind } from "../kinds/service.ts";
import { type KubernetesObject, keyOf, timestamp } from "../object.ts";
import { generateName } from "../operations/create.ts";
import { type Labels, matchesLabels } from "../selectors/label-selector.ts";
import type { Change } from "../store/object-store.ts";
import type { World } from "../world.ts";
import { type PlannedSlice, planSlices } from "./slice-plan.ts";
import { createWorkQueue } from "./work-queue.ts";

const manager = "endpointslice-controller.k8s.io";
const triggerTime = "endpoints.kubernetes.io/last-change-trigger-time";

function selectorOf(service: KubernetesObject): Labels | undefined {
  const selector = at(service, "spec", "selector");
  const wanted = isRecord(selector) && Object.keys(selector).length > 0;
  return wanted && at(service, "spec", "type") !== "ExternalName" ? (selector as Labels) : undefined;
}

function labelsOf(service: KubernetesObject): Record<string, string> {
  return {
    ...service.metadata.labels,
    "kubernetes.io/service-name": service.metadata.name,
    "endpointslice.kubernetes.io/managed-by": manager,
    ...(at(service, "spec", "clusterIP") === "None" ? { "service.kubernetes.io/headless": "" } : {}),
  };
}

/** The slices that this controller made, by their Service; those that people made are left alone. */
interface OwnSlices {
  of(service: KubernetesObject): readonly KubernetesObject[];
  note(change: Pick<Change, "type" | "object" | "previous">): void;
}

/** Key of the Service that a slice of ours belongs to. */
function placeOf(slice: KubernetesObject | undefined): string | undefined {
  const service = slice === undefined ? undefined : serviceNameOf(slice);
  const isOwn = slice?.metadata.labels?.["endpointslice.kubernetes.io/managed-by"] === manager;
  return isOwn && service !== undefined ? `${slice.metadata.namespace}/${service}` : undefined;
}

function createOwnSlices(): OwnSlices {
  const byService = new Map<string, Map<string, KubernetesObject>>();
  return {
    of: (service) => [...(byService.get(keyOf(service))?.values() ?? [])],
    note({ type, object, previous }) {
      const before = placeOf(previous);
      if (before !== undefined) {
        const slices = byService.get(before);
        slices?.delete(object.metadata.name);
        if (slices?.size === 0) byService.delete(before);
      }
      const place = placeOf(object);
      if (type === "DELETED" || place === undefined) return;
      const slices = byService.get(place) ?? new Map<string, KubernetesObject>();
      byService.set(place, slices.set(object.metadata.name, object));
    },
  };
}

function toSlice(world: World, service: KubernetesObject, { slice, ports, endpoints }: PlannedSlice): KubernetesObject {
  const now = timestamp(world.now());
  const { name, namespace, uid } = service.metadata;
  const owner = { apiVersion: "v1", kind: "Service", name, uid, controller: true, blockOwnerDeletion: true };
  const metadata = slice?.metadata ?? {
    name: generateName(`${name}-`),
    generateName: `${name}-`,
    ...(namespace === undefined ? {} : { namespace }),
    uid: randomUUID(),
    resourceVersion: "",
    creationTimestamp: now,
    ownerReferences: [owner],
  };
  return {
    addressType: "IPv4",
    apiVersion: "discovery.k8s.io/v1",
    endpoints: endpoints.length === 0 ? null : endpoints,
    kind: "EndpointSlice",
    metadata: {
      ...metadata,
      generation: (slice?.metadata.generation ?? 0) + 1,
      labels: labelsOf(service),
      annotations: { ...slice?.metadata.annotations, [triggerTime]: now },
    },
    ports: ports.length === 0 ? null : ports,
  };
}

function sync(world: World, service: KubernetesObject, own: OwnSlices): void {
  const { store } = world;
  const { namespace } = service.metadata;
  const selector = selectorOf(service);
  if (selector === undefined) return;
  const pods = store
    .list(podKind.collection, namespace)
    .filter((pod) => matchesLabels(selector, pod.metadata.labels ?? {}));
  const nodeOf = (pod: KubernetesObject): KubernetesObject | undefined =>
    store.get(nodeKind.collection, undefined, textOf(at(pod, "spec", "nodeName")));
  const plan = planSlices(service, pods, { slices: own.of(service), nodeOf });
  for (const planned of plan.write) store.put(endpointSliceKind.collection, toSlice(world, service, planned));
  for (const { metadata } of plan.remove) store.remove(endpointSliceKind.collection, namespace, metadata.name);
  relabel(world, service, own);
}

/** Slices carry the labels of their Service. */
function relabel(world: World, service: KubernetesObject, own: OwnSlices): void {
  const labels = labelsOf(service);
  for (const slice of own.of(service)) {
    if (sameJson(slice.metadata.labels, labels)) continue;
    world.store.put(endpointSliceKind.collection, { ...slice, metadata: { ...slice.metadata, labels } });
  }
}

/** What of a Pod an EndpointSlice shows. */
function endpointFacts(pod: KubernetesObject | undefined): unknown {
  if (pod === undefined) return undefined;
  const { labels, deletionTimestamp, uid } = pod.metadata;
  const { podIP, phase, conditions } = recordOf(pod["status"]);
  const ready = recordsOf(conditions).find(({ type }) => type === "Ready")?.["status"];
  const { nodeName, hostname, subdomain } = recordOf(pod["spec"]);
  return { uid, labels, leaving: deletionTimestamp !== undefined, podIP, phase, ready, nodeName, hostname, subdomain };
}

export function startEndpointSliceController(world: World): Disposable {
  const { store } = world;
  const own = createOwnSlices();
  const queue = createWorkQueue((key) => {
    const [namespace = "", name = ""] = key.split("/");
    const service = store.get(serviceKind.collection, namespace, name);
    if (service !== undefined && service.metadata.deletionTimestamp === undefined) sync(world, service, own);
  });
  const servicesOf = (pods: readonly (KubernetesObject | undefined)[], namespace: string | undefined): void => {
    for (const service of store.list(serviceKind.collection, namespace)) {
      const selector = selectorOf(service);
      if (selector === undefined) continue;
      if (pods.some((pod) => pod !== undefined && matchesLabels(selector, pod.metadata.labels ?? {}))) {
        queue.add(keyOf(service));
      }
    }
  };
  const podsOfNode = (name: string): void => {
    const pods = store.list(podKind.collection).filter((pod) => at(pod, "spec", "nodeName") === name);
    for (const pod of pods) servicesOf([pod], pod.metadata.namespace);
  };
  const note = ({ type, collection, object, previous }: Change): void => {
    switch (collection) {
      case serviceKind.collection:
        if (type !== "DELETED") queue.add(keyOf(object));
        break;
      case podKind.collection:
        if (type === "MODIFIED" && sameJson(endpointFacts(object), endpointFacts(previous))) break;
        servicesOf([object, previous], object.metadata.namespace);
        break;
      case nodeKind.collection:
        if (type !== "MODIFIED" || !sameJson(object.metadata.labels, previous?.metadata.labels)) {
          podsOfNode(object.metadata.name);
        }
        break;
      case endpointSliceKind.collection: {
        own.note({ type, object, previous });
        const service = serviceNameOf(object);
        if (service !== undefined) queue.add(`${object.metadata.namespace}/${service}`);
        break;
      }
    }
  };
  for (const object of store.list(endpointSliceKind.collection))
    own.note({ type: "ADDED", object, previous: undefined });
  const unsubscribe = store.subscribe(note);
  for (const service of store.list(serviceKind.collection)) queue.add(keyOf(service));
  return {
    [Symbol.dispose]() {
      unsubscribe();
      queue[Symbol.dispose]();
    },
  };
}
