import { type AccountKey, accountKey, type ClassKey, type ServiceKey } from "../../shared/core/mesh/mesh.ts";
import { parseResourceId } from "../../shared/core/xds/resource.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { ClassGroup, Follower } from "./class-group.ts";
import { type ClassPolicy, type CompileClass, policyIn } from "./class-policy.ts";
import { buildView, type IsProven, isFast } from "./class-view.ts";
import { createFastResources, type FastEntry } from "./fast-resources.ts";
import type { ProxySecrets } from "./secrets.ts";
import { createViewOrder } from "./view-order.ts";

export interface ClassGroupsOptions {
  readonly objects: ClusterObjects;
  readonly secrets: ProxySecrets;
  readonly compileClass: CompileClass;
  readonly fault: (error: unknown) => void;
  readonly isProven: IsProven;
  /** How long clients may wait for their servers, and chains that go for their clients. Milliseconds. */
  readonly orderLimit?: number;
}

/** The classes that proxies here are of, each with its view; a change is told to exactly the classes that hold it. */
export interface ClassGroups {
  /** A new snapshot is in force. */
  readonly serve: (snapshot: ServedSnapshot) => void;
  /** Puts a proxy into the group of its pod's class, and out of the one that it was in. */
  readonly place: (follower: Follower) => void;
  readonly leave: (follower: Follower) => void;
  /** A proxy has acknowledged all of a view. */
  readonly settled: (follower: Follower, generation: number) => void;
  readonly onEndpoints: (service: ServiceKey) => void;
  /** Endpoints may have waited for what is known of this pod. */
  readonly onPod: (pod: string) => void;
  readonly onSecrets: (change: { readonly account: AccountKey } | "roots") => void;
}

const orderLimit = 1000;
/** A class that could not be compiled here is tried again after so many milliseconds. */
const compileRetry = 1000;

export function createClassGroups(options: ClassGroupsOptions): ClassGroups {
  const { objects, secrets } = options;
  const fast = createFastResources(objects, secrets);
  const groups = new Map<string, ClassGroup>();
  let served: ServedSnapshot | undefined;
  /** Of all views: two classes must not have the same one, or a proxy that moves between them is sent nothing. */
  let generation = 0;
  const nextGeneration = (): number => ++generation;
  const order = createViewOrder({ limit: options.orderLimit ?? orderLimit, nextGeneration });

  const compileHere = createLocalCompile(options, {
    isServed: (snapshot) => served === snapshot,
    again: (group) => groups.get(group.key) === group && rebuild(group),
  });
  const rebuild = (group: ClassGroup): void => {
    refresh(group);
    order.tell(group);
  };
  const refresh = (group: ClassGroup): void => {
    if (served === undefined) return;
    const policy = policyIn(served, group.key);
    if (policy === undefined) void compileHere(group, served);
    else group.policy = policy;
    if (group.policy === undefined) return;
    const identity = secrets.identity(group.account);
    if (identity === undefined) return; // being issued: onChange tells
    group.identity = identity;
    group.entries = entriesOf(fast, group.policy);
    group.view = buildView(options.isProven, group, nextGeneration());
  };
  const replaceEntries = (changed: readonly FastEntry[]): void => {
    for (const group of groups.values()) {
      if (!takeEntries(group, changed)) continue;
      group.view = buildView(options.isProven, group, nextGeneration());
      order.tell(group);
    }
  };
  const part = (group: ClassGroup, follower: Follower): void => {
    group.followers.delete(follower);
    order.left(follower, group);
    if (group.followers.size > 0) return;
    groups.delete(group.key);
    if (![...groups.values()].some(({ account }) => account === group.account)) secrets.release(group.account);
  };
  return {
    serve(snapshot) {
      served = snapshot;
      for (const group of groups.values()) refresh(group);
      order.serve([...groups.values()]);
      fast.keepOnly(new Set([...groups.values()].flatMap(({ entries }) => [...entries.keys()])));
    },
    place(follower) {
      const object = objects.classOf(follower.proxy.proxy);
      if (object === undefined) return;
      const key = object.key.name as ClassKey;
      if (follower.group?.key === key) return;
      const before = follower.group;
      const known = groups.get(key);
      const group = known ?? newGroup(key, accountKey(follower.proxy.namespace, follower.proxy.serviceAccount));
      groups.set(key, group);
      group.followers.add(follower);
      follower.group = group;
      // Now, not before: the last proxy of an account would give its certificate away and be issued another.
      if (before !== undefined) part(before, follower);
      if (known === undefined) rebuild(group);
      else order.tellOne(follower);
    },
    leave(follower) {
      if (follower.group !== undefined) part(follower.group, follower);
      follower.group = undefined;
    },
    settled: order.settled,
    onEndpoints: (service) => replaceEntries(fast.refreshService(service)),
    onPod(pod) {
      for (const service of fast.servicesAwaiting(pod)) replaceEntries(fast.refreshService(service));
    },
    onSecrets(change) {
      if (change === "roots") replaceEntries(fast.refreshTrust());
      else for (const group of groups.values()) if (group.account === change.account) rebuild(group);
    },
  };
}

/** For a class that the snapshot does not know yet; what was compiled for it here stays until it does. */
function createLocalCompile(
  options: ClassGroupsOptions,
  tell: {
    readonly isServed: (snapshot: ServedSnapshot) => boolean;
    /** There is a policy, or another attempt is due. */
    readonly again: (group: ClassGroup) => void;
  },
) {
  const retry = (group: ClassGroup): void => {
    group.compiledFor = undefined;
    tell.again(group);
  };
  return async (group: ClassGroup, snapshot: ServedSnapshot): Promise<void> => {
    const [follower] = group.followers;
    const workloadClass = follower && options.objects.classOf(follower.proxy.proxy);
    if (workloadClass?.key.name !== group.key || group.compiledFor === snapshot.served.state) return;
    group.compiledFor = snapshot.served.state;
    try {
      const policy = await options.compileClass(snapshot, workloadClass);
      if (!tell.isServed(snapshot)) return retry(group);
      if (policy === undefined) return;
      group.policy = policy;
      tell.again(group);
    } catch (error) {
      options.fault(error);
      setTimeout(() => retry(group), compileRetry).unref();
    }
  };
}

/** False when the class holds none of them, or has no view that could be made anew. */
function takeEntries({ entries, view }: ClassGroup, changed: readonly FastEntry[]): boolean {
  const own = changed.filter(({ key }) => entries.has(key));
  if (own.length === 0 || view === undefined) return false;
  for (const entry of own) entries.set(entry.key, entry);
  return true;
}

function newGroup(key: ClassKey, account: AccountKey): ClassGroup {
  return {
    key,
    account,
    followers: new Set(),
    policy: undefined,
    compiledFor: undefined,
    identity: new Uint8Array(),
    entries: new Map(),
    view: undefined,
  };
}

function entriesOf(fast: ReturnType<typeof createFastResources>, policy: ClassPolicy): Map<string, FastEntry> {
  const entries = new Map<string, FastEntry>();
  for (const [id, { version, body }] of policy.members) {
    const { type, name } = parseResourceId(id);
    if (!isFast(type)) continue;
    const entry = fast.entry({ type, name, version, body });
    entries.set(entry.key, entry);
  }
  return entries;
}
