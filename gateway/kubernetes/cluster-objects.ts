import type { ContentHash } from "../../shared/core/brand.ts";
import { canonicalJson, contentHash, type JsonObject } from "../../shared/core/canonical.ts";
import type { EventCause } from "../../shared/core/events/cluster-event.ts";
import { maxMessageBytes } from "../../shared/core/events/envelope.ts";
import { kinds } from "../../shared/core/events/kinds.ts";
import { normalise, watchedKinds } from "../../shared/core/events/normalise.ts";
import type { ServiceKey } from "../../shared/core/mesh/mesh.ts";
import { type MeshObject, objectKeyText } from "../../shared/core/object.ts";
import { refusedMarker, stateEntry } from "../../shared/core/state/cluster-state.ts";
import { emptyTrie, type Trie } from "../../shared/core/trie/trie.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { ObjectNote } from "../publish/outbox.ts";
import { createClassRoster } from "./class-roster.ts";
import type { KubernetesClient, KubernetesObject } from "./client.ts";
import type { EndpointSlice } from "./endpoint-slices.ts";
import type { EndpointState } from "./endpoint-state.ts";
import { type Collection, type ListWatch, type ListWatchHandlers, startListWatch } from "./list-watch.ts";
import { isClassedAlike, type Pod, reducePod, toPod } from "./pods.ts";
import { createServiceIndex, keyOfService, type ServiceIndex } from "./service-index.ts";
import { createSliceIndex } from "./slice-index.ts";
import { type SelectingService, selects } from "./workload-classes.ts";

/** What changed, for those who follow: the mesh's own objects, or what the fast lane reads. */
export type ClusterChange =
  | { readonly kind: "objects" }
  | { readonly kind: "pod"; readonly pod: string }
  | { readonly kind: "endpoints"; readonly service: ServiceKey };

export interface ClusterObjectsOptions {
  readonly client: KubernetesClient;
  /** Body of the ClusterNetwork object: what the gateway was told or found about the cluster itself. */
  readonly network: JsonObject;
  /** How long the class of the last pod stays. Milliseconds. */
  readonly classLinger: number;
  readonly fault: (error: Error) => void;
}

/** The gateway's own picture of the cluster. */
export interface ClusterObjects extends AsyncDisposable {
  /** The mesh's objects, as state entries. */
  readonly objects: () => Trie;
  readonly note: (key: string) => ObjectNote | undefined;
  readonly pod: (key: string) => Pod | undefined;
  readonly pods: () => Iterable<Pod>;
  /** The WorkloadClass object of a pod. */
  readonly classOf: (pod: string) => MeshObject | undefined;
  readonly slices: (service: ServiceKey) => Iterable<EndpointSlice>;
  readonly service: (key: ServiceKey) => SelectingService | undefined;
  /** Services with an endpoint that is this pod. */
  readonly servicesNaming: (pod: string) => Iterable<ServiceKey>;
  /** Fresh consistent lists of everything. */
  readonly relist: () => Promise<void>;
  /** Resolves when everything was listed once. */
  readonly listed: Promise<void>;
  readonly onChange: (listener: (change: ClusterChange) => void) => Disposable;
}

/** A picture that can begin with what another process saw. */
export interface RestorableObjects extends ClusterObjects {
  readonly endpoints: () => EndpointState;
  /** Stands in for lists that did not come yet; each is replaced as a whole when it comes. */
  readonly restore: (saved: EndpointState) => void;
}

const podCollection: Collection = { group: "", version: "v1", plural: "pods", kind: "Pod" };
const sliceCollection: Collection = {
  group: "discovery.k8s.io",
  version: "v1",
  plural: "endpointslices",
  kind: "EndpointSlice",
};

export function startClusterObjects(options: ClusterObjectsOptions): RestorableObjects {
  const listeners = new Set<(change: ClusterChange) => void>();
  const emit = (change: ClusterChange): void => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        options.fault(MeshError.from(error)); // one that fails must not keep the news from the others, nor from the picture
      }
    }
  };
  const picture = createPicture(options, emit);
  const watches: ListWatch[] = [];
  const firstLists: Promise<void>[] = [];
  const seen = new Set<Collection["plural"]>();
  const follow = (collection: Collection, keep: Keep, reduce?: ListWatchHandlers["keep"]): void => {
    const first = Promise.withResolvers<void>();
    firstLists.push(first.promise);
    const watch = startListWatch(options.client, collection, {
      replaced: (objects) => {
        keep.replace(objects);
        seen.add(collection.plural);
        first.resolve();
      },
      applied: keep.apply,
      deleted: keep.remove,
      fault: options.fault,
      ...(reduce && { keep: reduce }),
    });
    watches.push(watch);
  };
  for (const collection of watchedKinds) follow(collection, picture.meshObjects(collection));
  follow(podCollection, picture.pods, reducePod);
  follow(sliceCollection, picture.slices, withoutManagers);
  const listed = Promise.all(firstLists).then(picture.beginClasses);
  return {
    ...picture.read,
    async relist() {
      await Promise.all(watches.map((watch) => watch.relist()));
    },
    listed,
    endpoints: picture.endpoints,
    restore: (saved) => picture.restore(saved, seen),
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    async [Symbol.asyncDispose]() {
      picture.stop();
      await Promise.all(watches.map((watch) => watch[Symbol.asyncDispose]()));
    },
  };
}

function withoutManagers(object: KubernetesObject): KubernetesObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** How the objects of one collection are kept. */
interface Keep {
  readonly replace: (objects: readonly KubernetesObject[]) => void;
  readonly apply: (object: KubernetesObject) => void;
  readonly remove: (object: KubernetesObject) => void;
}

function createPicture(options: ClusterObjectsOptions, emit: (change: ClusterChange) => void) {
  let objects: Trie = emptyTrie.with([networkEntry(options.network)]);
  const notes = new Map<string, ObjectNote>();
  const pods = new Map<string, Pod>();
  const slices = createSliceIndex((service) => emit({ kind: "endpoints", service }));
  const services = createServiceIndex();
  // Half a picture would give pods classes that nobody has.
  let classesBegun = false;

  const change = (changes: readonly (readonly [string, string | undefined])[]): void => {
    const changed = objects.with(changes);
    if (changed.root === objects.root) return;
    objects = changed;
    emit({ kind: "objects" });
  };
  const roster = createClassRoster({
    linger: options.classLinger,
    apply: (object) => change([stateEntry(object)]),
    remove: (key) => change([[objectKeyText(key), undefined]]),
  });
  /** True when the pod is of another class now. */
  const place = (pod: Pod): boolean => {
    if (!classesBegun) return false;
    const before = roster.classOf(pod.key);
    roster.place(pod, services.of(pod.metadata?.namespace ?? ""));
    return roster.classOf(pod.key) !== before;
  };
  const servicesChanged = (): void => {
    const changed = services.takeChanged();
    if (changed.length === 0) return;
    for (const pod of pods.values()) {
      const isConcerned = changed.some((service) => selects(service, pod));
      if (isConcerned && place(pod)) emit({ kind: "pod", pod: pod.key });
    }
    // Assignments hold the ports that the Service names.
    for (const service of new Set(changed.map(keyOfService))) emit({ kind: "endpoints", service });
  };

  const applyPod = (object: KubernetesObject): void => {
    const pod = toPod(object);
    const before = pods.get(pod.key);
    pods.set(pod.key, pod);
    if (before === undefined || !isClassedAlike(before, pod)) place(pod);
    emit({ kind: "pod", pod: pod.key });
  };
  const beginClasses = (): void => {
    classesBegun = true;
    for (const pod of pods.values()) place(pod);
  };
  const removePod = (key: string): void => {
    if (!pods.delete(key)) return;
    roster.dismiss(key);
    emit({ kind: "pod", pod: key });
  };
  return {
    meshObjects: (collection: Collection) =>
      keepMeshObjects(collection, { objects: () => objects, notes, services, change, servicesChanged }),
    pods: keepByKey(() => pods.keys(), applyPod, removePod),
    slices: keepByKey(slices.keys, slices.apply, slices.remove),
    beginClasses,
    endpoints: (): EndpointState => ({
      pods: [...pods.values()],
      slices: [...slices.all()],
      services: services.all(),
    }),
    restore(saved: EndpointState, seen: ReadonlySet<string>): void {
      if (!seen.has("services")) for (const service of saved.services) services.put(service);
      if (!seen.has(podCollection.plural)) for (const pod of saved.pods) pods.set(pod.key, pod);
      if (!seen.has(sliceCollection.plural)) for (const slice of saved.slices) slices.restore(slice);
      beginClasses();
      for (const pod of pods.keys()) emit({ kind: "pod", pod });
    },
    stop: () => roster.stop(),
    read: {
      objects: () => objects,
      note: (key: string) => notes.get(key),
      pod: (key: string) => pods.get(key),
      pods: () => pods.values(),
      classOf: roster.classOf,
      slices: slices.of,
      service: services.get,
      servicesNaming: slices.naming,
    },
  };
}

function networkEntry(network: JsonObject): readonly [string, string] {
  const key = { ...kinds.clusterNetwork, namespace: "", name: "cluster" };
  return stateEntry({ key, uid: "cluster", body: { spec: network } });
}

/** Deleted objects of a kind whose notes are kept until they are published; without its note a deletion says less of its cause. */
const notesOfGone = 1000;

/** What keeping mesh objects reads and changes. */
interface MeshPicture {
  readonly objects: () => Trie;
  readonly notes: Map<string, ObjectNote>;
  readonly services: ServiceIndex;
  readonly change: (changes: readonly (readonly [string, string | undefined])[]) => void;
  /** Tells whom other Services concern. */
  readonly servicesChanged: () => void;
}

function keepMeshObjects(
  collection: Collection,
  { objects, notes, services, change, servicesChanged }: MeshPicture,
): Keep {
  const isService = collection.kind === "Service" && collection.group === "";
  const prefix = `${collection.group}/${collection.kind}/`;
  /** Keys of deleted objects, oldest first. */
  const forgotten: string[] = [];
  const remember = (object: KubernetesObject, entry: readonly [string, string]): readonly [string, string] => {
    if (objects().get(entry[0]) !== entry[1]) notes.set(entry[0], noteOf(object));
    if (isService) services.put(toService(object));
    return entry;
  };
  const forget = (object: KubernetesObject, key: string): void => {
    notes.set(key, noteOf(object));
    forgotten.push(key);
    const oldest = forgotten.length > notesOfGone ? forgotten.shift() : undefined;
    if (oldest !== undefined && objects().get(oldest) === undefined) notes.delete(oldest);
    if (isService) services.remove(keyOf(object) as ServiceKey);
  };
  return {
    replace(list) {
      const entries = list.map((object) => remember(object, entryOf(object)));
      const present = new Set(entries.map(([key]) => key));
      const gone: (readonly [string, undefined])[] = [];
      for (const [key] of objects().entries())
        if (key.startsWith(prefix) && !present.has(key)) gone.push([key, undefined]);
      // Who deleted these, and when, nobody told; and of what went before the list, the news went out long ago.
      for (const key of notes.keys()) if (key.startsWith(prefix) && !present.has(key)) notes.delete(key);
      if (isService) services.keepOnly(new Set(list.map(keyOf) as ServiceKey[]));
      change([...entries, ...gone]);
      if (isService) servicesChanged();
    },
    apply(object) {
      change([remember(object, entryOf(object))]);
      if (isService) servicesChanged();
    },
    remove(object) {
      const [key] = entryOf(object);
      forget(object, key);
      change([[key, undefined]]);
      if (isService) servicesChanged();
    },
  };
}

function keepByKey(
  kept: () => Iterable<string>,
  apply: (object: KubernetesObject) => void,
  remove: (key: string) => void,
): Keep {
  return {
    replace(list) {
      const present = new Set(list.map(keyOf));
      for (const key of kept()) if (!present.has(key)) remove(key);
      for (const object of list) apply(object);
    },
    apply,
    remove: (object) => remove(keyOf(object)),
  };
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

/** State entry of an object; one that cannot be read or sent stands as a refused marker, the same here and in the cloud. */
function entryOf(object: KubernetesObject): readonly [string, string] {
  const normalised = normalise(object);
  const uid = object.metadata.uid ?? "";
  if ("refused" in normalised) {
    const key = normalised.key ?? {
      group: groupOf(object),
      kind: object.kind ?? "",
      namespace: object.metadata.namespace ?? "",
      name: object.metadata.name,
    };
    return stateEntry({
      key,
      uid,
      body: refusedMarker({ bodyHash: refusedHash(object), reason: normalised.refused }),
    });
  }
  const text = canonicalJson(normalised.body);
  if (messageBytes(text) <= maxMessageBytes) return stateEntry(normalised);
  const refused: MeshObject = {
    ...normalised,
    body: refusedMarker({ bodyHash: contentHash(text), reason: `its message is larger than ${maxMessageBytes} bytes` }),
  };
  return stateEntry(refused);
}

/** What a message holds beside the body: signature, key, cause. */
const messageFrame = 4096;

/** The event is JSON text within JSON, so every quote in the body takes another byte. */
function messageBytes(body: string): number {
  const bytes = Buffer.byteLength(body);
  return messageFrame + (bytes * 2 < maxMessageBytes ? bytes : Buffer.byteLength(JSON.stringify(body)));
}

/** Without what changes though nobody edited the object. */
function refusedHash(object: KubernetesObject): ContentHash {
  return contentHash(JSON.stringify({ ...object, metadata: undefined, status: undefined }));
}

function groupOf({ apiVersion = "" }: KubernetesObject): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

function noteOf({ metadata }: KubernetesObject): ObjectNote {
  const last = metadata.managedFields?.toSorted((a, b) => ((a.time ?? "") < (b.time ?? "") ? -1 : 1)).at(-1);
  const cause: EventCause = {
    ...(metadata.generation !== undefined && { generation: metadata.generation }),
    ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
    ...(last?.manager !== undefined && { manager: last.manager }),
    ...(last?.time !== undefined && { time: last.time }),
  };
  return { cause, time: new Date().toISOString() };
}

function toService(object: KubernetesObject & { readonly spec?: unknown }): SelectingService {
  const { namespace = "", name } = object.metadata;
  return { metadata: { namespace, name }, spec: object.spec as NonNullable<SelectingService["spec"]> };
}
