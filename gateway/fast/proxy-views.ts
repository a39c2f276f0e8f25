import type { ContentHash } from "../../shared/core/brand.ts";
import type { AccountKey, ClassKey } from "../../shared/core/mesh/mesh.ts";
import { accountKey } from "../../shared/core/mesh/mesh.ts";
import type { View, ViewResource } from "../../shared/core/stream/view.ts";
import { identityName } from "../../shared/core/xds/names.ts";
import { type EnvoyType, envoyTypes, parseResourceId, type SnapshotType } from "../../shared/core/xds/resource.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { ProxyIdentity, ViewListener, ViewSource } from "../xds/ports.ts";
import { type ClassPolicy, type CompileClass, policyIn } from "./class-policy.ts";
import { createFastResources, type FastEntry, validated } from "./fast-resources.ts";
import type { ProxySecrets } from "./secrets.ts";

export interface ProxyViewsOptions {
  readonly objects: ClusterObjects;
  readonly secrets: ProxySecrets;
  readonly compileClass: CompileClass;
  readonly fault: (error: unknown) => void;
  /** Has a proxy acknowledged this version before? */
  readonly isProven: (type: EnvoyType, name: string, version: string) => boolean;
}

export interface ProxyViews extends ViewSource, Disposable {
  /** A new snapshot is in force. */
  serve(snapshot: ServedSnapshot): void;
}

interface Follower {
  readonly proxy: ProxyIdentity;
  readonly listener: ViewListener;
  group: ClassGroup | undefined;
}

/** All proxies of one class. They share one account, so they share every byte. */
interface ClassGroup {
  readonly key: ClassKey;
  readonly account: AccountKey;
  readonly followers: Set<Follower>;
  policy: ClassPolicy | undefined;
  /** The state for which the policy was compiled here. */
  compiledFor: ContentHash | undefined;
  /** The encoded secret. */
  identity: Uint8Array;
  /** By key of the set. */
  entries: Map<string, FastEntry>;
  view: View | undefined;
}

/** Views per class: policy config of the snapshot, and what the fast lane adds. A change is told to exactly the classes that hold it. */
export function createProxyViews(options: ProxyViewsOptions): ProxyViews {
  const { objects, secrets } = options;
  const fast = createFastResources(objects, secrets);
  const groups = new Map<string, ClassGroup>();
  const followers = new Map<string, Set<Follower>>();
  let served: ServedSnapshot | undefined;

  const tell = (group: ClassGroup): void => {
    const { view } = group;
    if (view !== undefined) for (const follower of group.followers) follower.listener.view(view);
  };
  const rebuild = (group: ClassGroup): void => {
    if (served === undefined) return;
    const policy = policyIn(served, group.key);
    if (policy === undefined) void compileMissing(group, served);
    else group.policy = policy;
    if (group.policy === undefined) return;
    const identity = secrets.identity(group.account);
    if (identity === undefined) return; // being issued: onChange tells
    group.identity = identity;
    group.entries = entriesOf(fast, group.policy);
    group.view = buildView(options, group);
    tell(group);
  };
  /** The snapshot does not know the class yet; what was compiled for it here stays until it does. */
  const compileMissing = async (group: ClassGroup, snapshot: ServedSnapshot): Promise<void> => {
    const [follower] = group.followers;
    const workloadClass = follower && objects.classOf(follower.proxy.proxy);
    if (workloadClass?.key.name !== group.key || group.compiledFor === snapshot.served.state) return;
    group.compiledFor = snapshot.served.state;
    try {
      const policy = await options.compileClass(snapshot, workloadClass);
      if (policy === undefined || served !== snapshot) return;
      group.policy = policy;
      rebuild(group);
    } catch (error) {
      group.compiledFor = undefined;
      options.fault(error);
    }
  };
  const replaceEntries = (changed: readonly FastEntry[]): void => {
    for (const group of groups.values()) {
      const own = changed.filter(({ key }) => group.entries.has(key));
      if (own.length === 0 || group.view === undefined) continue;
      for (const entry of own) group.entries.set(entry.key, entry);
      group.view = buildView(options, group);
      tell(group);
    }
  };
  const place = (follower: Follower): void => {
    const object = objects.classOf(follower.proxy.proxy);
    if (object === undefined) return;
    const key = object.key.name as ClassKey;
    if (follower.group?.key === key) return;
    leave(follower);
    const group = groups.get(key) ?? newGroup(key, accountKey(follower.proxy.namespace, follower.proxy.serviceAccount));
    const isNew = !groups.has(key);
    groups.set(key, group);
    group.followers.add(follower);
    follower.group = group;
    if (isNew) rebuild(group);
    else if (group.view !== undefined) follower.listener.view(group.view);
  };
  const leave = (follower: Follower): void => {
    const { group } = follower;
    group?.followers.delete(follower);
    follower.group = undefined;
    if (group === undefined || group.followers.size > 0) return;
    groups.delete(group.key);
    if (![...groups.values()].some(({ account }) => account === group.account)) secrets.release(group.account);
  };
  const onPod = (pod: string): void => {
    for (const follower of followers.get(pod) ?? []) {
      if (objects.pod(pod)?.uid === follower.proxy.podUid) place(follower);
      else follower.listener.end("the pod is gone");
    }
    for (const service of fast.servicesAwaiting(pod)) replaceEntries(fast.refreshService(service));
  };
  const stopObjects = objects.onChange((change) => {
    if (change.kind === "endpoints") replaceEntries(fast.refreshService(change.service));
    else if (change.kind === "pod") onPod(change.pod);
    else for (const own of followers.values()) for (const follower of own) place(follower); // a Service may have moved pods to another class
  });
  const stopSecrets = secrets.onChange((change) => {
    if (change === "roots") replaceEntries(fast.refreshTrust());
    else for (const group of groups.values()) if (group.account === change.account) rebuild(group);
  });
  return {
    serve(snapshot) {
      served = snapshot;
      for (const group of groups.values()) rebuild(group);
      fast.keepOnly(new Set([...groups.values()].flatMap(({ entries }) => [...entries.keys()])));
    },
    follow(proxy, listener) {
      const follower: Follower = { proxy, listener, group: undefined };
      const own = followers.get(proxy.proxy) ?? new Set();
      followers.set(proxy.proxy, own);
      own.add(follower);
      place(follower);
      return {
        [Symbol.dispose]() {
          leave(follower);
          own.delete(follower);
          if (own.size === 0) followers.delete(proxy.proxy);
        },
      };
    },
    [Symbol.dispose]() {
      stopObjects[Symbol.dispose]();
      stopSecrets[Symbol.dispose]();
    },
  };
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

function buildView({ isProven }: ProxyViewsOptions, group: ClassGroup): View {
  const resources = Object.fromEntries(envoyTypes.map((type) => [type, new Map<string, ViewResource>()])) as Record<
    EnvoyType,
    Map<string, ViewResource>
  >;
  for (const [id, { version, body }] of group.policy?.members ?? []) {
    const { type, name } = parseResourceId(id);
    if (isFast(type)) continue;
    resources[type].set(name, {
      name,
      version,
      body,
      get proven() {
        return isProven(type, name, version);
      },
    });
  }
  for (const { type, resources: made } of group.entries.values())
    for (const resource of made) resources[type].set(resource.name, resource);
  resources.secret.set(identityName, validated(identityName, group.identity));
  return { generation: (group.view?.generation ?? 0) + 1, snapshotVersion: group.policy?.version ?? 0, resources };
}

function isFast(type: SnapshotType): type is "endpoint-set" | "trust-set" | "headless-set" {
  return type === "endpoint-set" || type === "trust-set" || type === "headless-set";
}
