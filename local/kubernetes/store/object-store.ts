/**
 * Objects, their versions and the log of changes: what etcd and the watch cache are to a real API server.
 *
 * Every write takes the next revision, which becomes the object's resourceVersion and is never given twice. Stored
 * objects are values: nobody changes one, a write replaces it. Subscribers hear of a change before the write returns.
 */
import { type KubernetesObject, keyOf, objectKey } from "../object.ts";
import { createChangeLog } from "./change-log.ts";

export type ChangeType = "ADDED" | "MODIFIED" | "DELETED";

/** One write. A deleted object comes with the deletion's own resourceVersion, as in etcd. */
export interface Change {
  readonly type: ChangeType;
  readonly revision: number;
  readonly collection: string;
  readonly object: KubernetesObject;
  /** What stood there before; undefined for ADDED. */
  readonly previous: KubernetesObject | undefined;
}

export interface ObjectStore {
  /** The newest revision given out. */
  readonly revision: number;
  get(collection: string, namespace: string | undefined, name: string): KubernetesObject | undefined;
  /** All objects, or those of one namespace, sorted by namespace and name. */
  list(collection: string, namespace?: string): readonly KubernetesObject[];
  collections(): readonly string[];
  /** Stores the object under its key; answers it with its new resourceVersion. */
  put(collection: string, object: KubernetesObject): KubernetesObject;
  /** Removes the object; undefined when there is none. */
  remove(collection: string, namespace: string | undefined, name: string): KubernetesObject | undefined;
  /** The changes after a revision, oldest first; "too-old" when some of them are no longer kept. */
  since(revision: number): readonly Change[] | "too-old";
  /** What `list` answered at an older revision; "too-old" when the changes since are no longer kept. */
  at(revision: number, collection: string, namespace?: string): readonly KubernetesObject[] | "too-old";
  /**
   * Goes back to an older revision, which is then the newest: its numbers are given out a second time. Subscribers are not told.
   *
   * @throws Error when the changes since are no longer kept
   */
  restore(revision: number): void;
  /** Forgets all changes, but not the objects. */
  forget(): void;
  /** Calls back on each change until the function that it answers is called. */
  subscribe(listener: (change: Change) => void): () => void;
}

export interface ObjectStoreOptions {
  /** How many changes stay readable by `since`. */
  readonly window?: number;
  /** Revision and objects to begin with. */
  readonly revision?: number;
  readonly objects?: Iterable<readonly [collection: string, object: KubernetesObject]>;
}

interface Collection {
  readonly objects: Map<string, KubernetesObject>;
  /** Sorted keys per namespace ("*" for all), dropped when a key comes or goes. */
  readonly sorted: Map<string, readonly string[]>;
}

/** The order of etcd: by the bytes of the key. */
const byKey = (left: string, right: string): number => {
  if (left === right) return 0;
  return left < right ? -1 : 1;
};

function listCollection({ objects, sorted }: Collection, namespace: string | undefined): readonly KubernetesObject[] {
  const scope = namespace ?? "*";
  let keys = sorted.get(scope);
  if (keys === undefined) {
    keys = [...objects.keys()].filter((key) => isWithin(key, namespace)).sort(byKey);
    sorted.set(scope, keys);
  }
  const listed: KubernetesObject[] = [];
  for (const key of keys) {
    const object = objects.get(key);
    if (object !== undefined) listed.push(object);
  }
  return listed;
}

/** What a collection held before its latest changes. */
function listBefore(
  now: ReadonlyMap<string, KubernetesObject> | undefined,
  changes: readonly Change[],
  namespace: string | undefined,
): readonly KubernetesObject[] {
  const objects = new Map(now);
  for (const change of changes.toReversed()) undo(objects, change);
  return [...objects]
    .filter(([key]) => isWithin(key, namespace))
    .sort(([left], [right]) => byKey(left, right))
    .map(([, object]) => object);
}

const isWithin = (key: string, namespace: string | undefined): boolean =>
  namespace === undefined || key.startsWith(`${namespace}/`);

function undo(objects: Map<string, KubernetesObject>, { object, previous }: Change): void {
  if (previous === undefined) objects.delete(keyOf(object));
  else objects.set(keyOf(previous), previous);
}

const defaultWindow = 20_000;

/** Nobody can watch from the very beginning, as in a real server, whose first revisions are forgotten early. */
const firstRevision = 100;

export function createObjectStore(options: ObjectStoreOptions = {}): ObjectStore {
  const collections = new Map<string, Collection>();
  const listeners = new Set<(change: Change) => void>();
  let revision = options.revision ?? firstRevision;
  const log = createChangeLog<Change>(options.window ?? defaultWindow, revision);

  const collectionOf = (name: string): Collection => {
    const present = collections.get(name);
    if (present !== undefined) return present;
    const made: Collection = { objects: new Map(), sorted: new Map() };
    collections.set(name, made);
    return made;
  };

  for (const [collection, object] of options.objects ?? []) {
    collectionOf(collection).objects.set(keyOf(object), object);
  }

  const emit = (change: Change): void => {
    log.append(change);
    for (const listener of listeners) listener(change);
  };

  const stamped = (object: KubernetesObject): KubernetesObject => {
    revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
  };

  const list = (collection: string, namespace?: string): readonly KubernetesObject[] => {
    const found = collections.get(collection);
    return found === undefined ? [] : listCollection(found, namespace);
  };

  return {
    get revision() {
      return revision;
    },
    get: (collection, namespace, name) => collections.get(collection)?.objects.get(objectKey(namespace, name)),
    list,
    collections: () => [...collections].filter(([, { objects }]) => objects.size > 0).map(([name]) => name),
    put(collection, object) {
      const { objects, sorted } = collectionOf(collection);
      const previous = objects.get(keyOf(object));
      const stored = stamped(object);
      objects.set(keyOf(stored), stored);
      if (previous === undefined) sorted.clear();
      emit({ type: previous === undefined ? "ADDED" : "MODIFIED", revision, collection, object: stored, previous });
      return stored;
    },
    remove(collection, namespace, name) {
      const { objects, sorted } = collectionOf(collection);
      const previous = objects.get(objectKey(namespace, name));
      if (previous === undefined) return undefined;
      objects.delete(keyOf(previous));
      sorted.clear();
      const object = stamped(previous);
      emit({ type: "DELETED", revision, collection, object, previous });
      return object;
    },
    since: (after) => log.since(after),
    at(then, collection, namespace) {
      const changes = log.since(then);
      if (changes === "too-old") return changes;
      const undone = changes.filter((change) => change.collection === collection);
      if (undone.length === 0) return list(collection, namespace);
      return listBefore(collections.get(collection)?.objects, undone, namespace);
    },
    restore(then) {
      const changes = log.since(then);
      if (changes === "too-old") throw new Error(`what was at revision ${then} is no longer known`);
      for (const change of changes.toReversed()) undo(collectionOf(change.collection).objects, change);
      for (const { sorted } of collections.values()) sorted.clear();
      log.takeBack(then);
      revision = Math.min(revision, then);
    },
    forget: () => log.forget(),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
