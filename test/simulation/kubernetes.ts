import { type KubernetesCall, type KubernetesClient, KubernetesRefusal } from "../../gateway/kubernetes/client.ts";
import { type ApiPath, parseApiPath } from "../../local/kubernetes/http/api-path.ts";
import type { KubernetesObject } from "../../local/kubernetes/object.ts";
import { type Change, createObjectStore, type ObjectStore } from "../../local/kubernetes/store/object-store.ts";
import { watchedKinds } from "../../shared/core/events/normalise.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { Random } from "./random.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";
import type { Wire } from "./wire.ts";

/** An object as a person writes it. */
export interface WrittenObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export interface KubernetesWeather {
  /** Share of the changes that a watch hears late. */
  lagging: number;
  /** Share of the changes at which a watch breaks. */
  breaking: number;
}

/** A small API server: collections, revisions, preconditions, watches. */
export interface SimulatedKubernetes {
  readonly weather: KubernetesWeather;
  readonly store: ObjectStore;
  readonly client: (actor: Actor) => KubernetesClient;
  /** Answers and tells at once, and never fails: for who must know the truth. */
  readonly perfectClient: KubernetesClient;
  /** Writes as a person does, without the wire: acknowledged at once. */
  readonly apply: (object: WrittenObject) => void;
  readonly remove: (collection: string, namespace: string | undefined, name: string) => void;
  /** Everything before this moment is forgotten: watches from before must list. */
  readonly compact: () => void;
}

const pluralOf = new Map<string, string>([
  ...watchedKinds.map(({ group, kind, plural }) => [`${group}/${kind}`, collectionOf({ group, plural })] as const),
  ["/Pod", "pods"],
  ["discovery.k8s.io/EndpointSlice", "endpointslices.discovery.k8s.io"],
]);

function collectionOf({ group, plural }: Pick<ApiPath, "group" | "plural">): string {
  return group === "" ? plural : `${plural}.${group}`;
}

export function collectionOfObject({ apiVersion, kind }: WrittenObject): string {
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  const collection = pluralOf.get(`${group}/${kind}`);
  if (collection === undefined) throw new Error(`no collection for ${apiVersion} ${kind}`);
  return collection;
}

export function createSimulatedKubernetes(parts: {
  readonly time: VirtualTime;
  readonly wire: Wire;
  readonly random: Random;
  /** A person has written. */
  readonly onChange: () => void;
}): SimulatedKubernetes {
  const { time, wire, random, onChange } = parts;
  const store = createObjectStore();
  const weather: KubernetesWeather = { lagging: 0, breaking: 0 };
  let uids = 0;
  let forgotten = 0;
  const create = (collection: string, object: WrittenObject): KubernetesObject => {
    const metadata = {
      ...object.metadata,
      uid: `uid-${++uids}`,
      resourceVersion: "",
      creationTimestamp: `${new Date().toISOString().slice(0, 19)}Z`,
      generation: 1,
    };
    return store.put(collection, { ...object, metadata });
  };
  const server: Server = { time, wire, random, weather, store, create, isForgotten: (at) => at < forgotten };
  return {
    weather,
    store,
    client: (actor) => ({
      server: "simulated",
      call<T>(call: KubernetesCall): Promise<T> {
        const what = `${call.method ?? "GET"} ${call.path}`;
        const answered = wire.call(actor, { target: "kubernetes", what, effect: () => answer(server, call) as T });
        return call.signal === undefined ? answered : unlessAborted(answered, call.signal);
      },
      watch: (path, signal, line) => watch(server, actor, { path, signal, line }),
    }),
    perfectClient: {
      server: "simulated",
      call: async <T>(call: KubernetesCall) => answer(server, call) as T,
      async watch(path, signal, line) {
        const collection = collectionOf(pathOf(path));
        const stop = store.subscribe(({ type, object, collection: changed }) => {
          if (changed === collection) line(JSON.stringify({ type, object }));
        });
        const { promise, resolve } = Promise.withResolvers<void>();
        signal.addEventListener("abort", () => resolve(), { once: true });
        await promise;
        stop();
      },
    },
    apply(object) {
      const collection = collectionOfObject(object);
      let present = store.get(collection, object.metadata.namespace, object.metadata.name);
      if (present !== undefined && accountOf(present) !== accountOf(object)) {
        // A pod keeps its account: whoever wants another one deletes it first.
        store.remove(collection, object.metadata.namespace, object.metadata.name);
        present = undefined;
      }
      if (present === undefined) create(collection, object);
      else {
        const { uid, creationTimestamp, generation = 1 } = present.metadata;
        const stamps = { uid, creationTimestamp, generation: generation + 1, resourceVersion: "" };
        store.put(collection, { ...object, metadata: { ...object.metadata, ...stamps } });
      }
      onChange();
    },
    remove(collection, namespace, name) {
      store.remove(collection, namespace, name);
      onChange();
    },
    compact() {
      forgotten = store.revision;
    },
  };
}

function accountOf(object: object): string | undefined {
  return (object as { readonly spec?: { readonly serviceAccountName?: string } }).spec?.serviceAccountName;
}

interface Server {
  readonly time: VirtualTime;
  readonly wire: Wire;
  readonly random: Random;
  readonly weather: KubernetesWeather;
  readonly store: ObjectStore;
  readonly create: (collection: string, object: WrittenObject) => KubernetesObject;
  readonly isForgotten: (revision: number) => boolean;
}

function pathOf(path: string): ApiPath {
  const parsed = parseApiPath(new URL(path, "http://simulated").pathname);
  if (parsed === undefined) throw new KubernetesRefusal(404, "NotFound", "no such path");
  return parsed;
}

/** The namespace and the one name that a list or watch asks for. */
function selectionOf(path: string): (object: KubernetesObject) => boolean {
  const { namespace } = pathOf(path);
  const selector = new URL(path, "http://simulated").searchParams.get("fieldSelector");
  const name = selector === null ? undefined : /^metadata\.name=(.*)$/.exec(selector)?.[1];
  return ({ metadata }) =>
    (namespace === undefined || metadata.namespace === namespace) && (name === undefined || metadata.name === name);
}

function answer({ store, create }: Server, { method = "GET", path, body }: KubernetesCall): unknown {
  const place = pathOf(path);
  const collection = collectionOf(place);
  const object = body as (KubernetesObject & WrittenObject) | undefined;
  if (place.name === undefined) {
    if (method === "GET") {
      const items = store.list(collection, place.namespace).filter(selectionOf(path));
      return { metadata: { resourceVersion: String(store.revision) }, items };
    }
    if (object === undefined) throw new KubernetesRefusal(400, "BadRequest", "no body");
    if (store.get(collection, place.namespace, object.metadata.name) !== undefined)
      throw new KubernetesRefusal(409, "AlreadyExists", "it exists");
    return create(collection, object);
  }
  const present = store.get(collection, place.namespace, place.name);
  if (present === undefined) throw new KubernetesRefusal(404, "NotFound", `${collection} ${place.name} not found`);
  if (method === "GET") return present;
  if (method === "DELETE") return store.remove(collection, place.namespace, place.name);
  if (object === undefined) throw new KubernetesRefusal(400, "BadRequest", "no body");
  if (method === "PATCH") return store.put(collection, merged(present, object) as KubernetesObject);
  const { resourceVersion, uid } = object.metadata;
  if (resourceVersion !== undefined && resourceVersion !== "" && resourceVersion !== present.metadata.resourceVersion)
    throw new KubernetesRefusal(409, "Conflict", "the object has been modified");
  if (uid !== undefined && uid !== present.metadata.uid) throw new KubernetesRefusal(409, "Conflict", "another uid");
  return store.put(collection, object);
}

/** A merge patch. */
function merged(present: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(present as Record<string, unknown>) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

interface Watch {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly line: (text: string) => void;
}

async function watch(server: Server, actor: Actor, { path, signal, line }: Watch): Promise<void> {
  const { time, wire, random, weather, store, isForgotten } = server;
  const collection = collectionOf(pathOf(path));
  const selected = selectionOf(path);
  const from = Number(new URL(path, "http://simulated").searchParams.get("resourceVersion") ?? 0);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => undefined); // thrown below, once the watch is open
  let free = 0;
  let ended = false;
  const end = (settle: () => void): void => {
    ended = true; // nothing more is heard
    settle();
  };
  const deliver = ({ type, object, collection: changed }: Change): void => {
    if (changed !== collection || !actor.alive || signal.aborted || !selected(object)) return;
    const delay = random.chance(weather.lagging) ? random.between(200, 6000) : random.between(1, 10);
    free = Math.max(free, time.now() + delay);
    const breaks = random.chance(weather.breaking);
    time.after(free - time.now(), actor, () => {
      if (signal.aborted || ended) return;
      if (breaks) return end(() => reject(new MeshError("unavailable", "the watch broke")));
      try {
        line(JSON.stringify({ type, object }));
      } catch (error) {
        end(() => reject(error as Error));
      }
    });
  };
  const open = (): (() => void) => {
    if (signal.aborted) return () => undefined;
    const missed = isForgotten(from) ? "too-old" : store.since(from);
    if (missed === "too-old") throw new KubernetesRefusal(410, "Expired", "too old resource version");
    for (const change of missed) deliver(change);
    return store.subscribe(deliver);
  };
  const what = `watch ${collection} from ${from}`;
  const close = await unlessAborted(wire.call(actor, { target: "kubernetes", what, effect: open }), signal);
  // A server ends every watch some day.
  const life = time.after(random.between(20_000, 90_000), actor, () => end(resolve));
  try {
    await unlessAborted(promise, signal);
  } finally {
    close();
    life[Symbol.dispose]();
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new MeshError("unavailable", "aborted"));
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
