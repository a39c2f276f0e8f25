import { type AccountKey, accountKey, type ClassKey, type ServiceKey } from "../../shared/core/mesh/mesh.ts";
import { identityName } from "../../shared/core/xds/names.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { ClassGroup, Follower } from "./class-group.ts";
import type { CompileClass } from "./class-policy.ts";
import { renewView, type ViewNews } from "./class-view.ts";
import { createFastResources, type FastEntry } from "./fast-resources.ts";
import { createGroupPolicies, type SnapshotNews } from "./group-policies.ts";
import { createIdentities, type Identities } from "./identities.ts";
import { createLayers, type Layers } from "./layers.ts";
import { createLocalCompile } from "./local-compile.ts";
import { createPolicyResources } from "./policy-resources.ts";
import type { ProxySecrets } from "./secrets.ts";
import { createViewHistory, mergeChanges, noChanges, type ViewChanges } from "./view-changes.ts";
import { createViewOrder } from "./view-order.ts";

export interface ClassGroupsOptions {
  readonly objects: ClusterObjects;
  readonly secrets: ProxySecrets;
  readonly compileClass: CompileClass;
  readonly fault: (error: unknown) => void;
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
  readonly onSecrets: (change: { readonly account: AccountKey } | "roots") => void;
}

const orderLimit = 1000;

export function createClassGroups(options: ClassGroupsOptions): ClassGroups {
  const { objects, secrets } = options;
  const fast = createFastResources(objects, secrets);
  const layers = createLayers(fast, createPolicyResources());
  const policies = createGroupPolicies(layers);
  const identities = createIdentities(secrets);
  const groups = new Map<ClassKey, ClassGroup>();
  let served: ServedSnapshot | undefined;
  /** Of all views: two classes must not have the same one, or a proxy that moves between them is sent nothing. */
  let generation = 0;
  const nextGeneration = (): number => ++generation;
  let change = 0;
  const nextNumbers = () => ({ generation: nextGeneration(), change });
  /** What is made from now on is made by one change. */
  const beginChange = (): void => {
    change = generation + 1;
  };
  const order = createViewOrder({ limit: options.orderLimit ?? orderLimit, nextGeneration });

  const renew = createRenewal({ layers, identities, nextNumbers });
  const refresh = (group: ClassGroup, news?: SnapshotNews): void => {
    if (served === undefined) return;
    const { isKnown, changes } = policies.refresh(group, served, news);
    if (!isKnown) void compileHere(group, served);
    renew(group, changes);
  };
  const compileHere = createLocalCompile(options, {
    isServed: (snapshot) => served === snapshot,
    compiled(group, policy) {
      if (groups.get(group.key) !== group) return;
      renew(group, policies.adopt(group, policy));
      order.tell(group);
    },
    again(group) {
      if (groups.get(group.key) !== group) return;
      refresh(group);
      order.tell(group);
    },
  });
  const refreshed = (entries: readonly FastEntry[]): void => {
    beginChange();
    for (const [group, changes] of layers.refreshed(entries)) {
      // One that has no view yet gets all of it with its certificate.
      if (group.policy === undefined || group.view === undefined) continue;
      renewView(group, group.policy, { changes, ...nextNumbers() });
      order.tell(group);
    }
  };
  const { place, leave } = createMembership(objects, groups, {
    begun: (group) => identities.join(group),
    left: order.left,
    ended(group) {
      policies.drop(group);
      identities.leave(group);
    },
    placed(follower, group) {
      if (group.policy === undefined) refresh(group);
      order.tellOne(follower);
    },
  });
  return {
    serve(snapshot) {
      const news = policies.serve(served, snapshot);
      served = snapshot;
      beginChange();
      for (const group of groups.values()) refresh(group, news);
      order.serve([...groups.values()]);
    },
    place,
    leave,
    settled: order.settled,
    onEndpoints: (service) => refreshed(fast.refreshService(service)),
    onSecrets(change) {
      if (change === "roots") return refreshed(fast.refreshTrust());
      for (const group of identities.renewed(change.account)) {
        renew(group, noChanges);
        order.tell(group);
      }
    },
  };
}

/** How a class's view is made anew. `changes`: in what it is made of; undefined: not known. */
function createRenewal(parts: {
  readonly layers: Layers;
  readonly identities: Identities;
  readonly nextNumbers: () => Pick<ViewNews, "generation" | "change">;
}) {
  const { layers, identities, nextNumbers } = parts;
  return (group: ClassGroup, changes: ViewChanges | undefined): void => {
    const { policy } = group;
    if (policy === undefined) return; // being compiled
    const identity = identities.of(group.account) ?? policy.own.resources.secret.get(identityName);
    if (identity === undefined) return; // being issued
    const isNew = policy.own.resources.secret.get(identity.name) !== identity;
    const own = isNew ? layers.put(policy.own, "secret", identity) : noChanges;
    renewView(group, policy, { changes: changes && mergeChanges(changes, own), ...nextNumbers() });
  };
}

/** Which proxy is in which group; a group is there as long as somebody is in it. */
function createMembership(
  objects: ClusterObjects,
  groups: Map<ClassKey, ClassGroup>,
  tell: {
    readonly begun: (group: ClassGroup) => void;
    readonly placed: (follower: Follower, group: ClassGroup) => void;
    readonly left: (follower: Follower, group: ClassGroup) => void;
    readonly ended: (group: ClassGroup) => void;
  },
): Pick<ClassGroups, "place" | "leave"> {
  const begin = (key: ClassKey, { proxy }: Follower): ClassGroup => {
    const group = newGroup(key, accountKey(proxy.namespace, proxy.serviceAccount));
    groups.set(key, group);
    tell.begun(group);
    return group;
  };
  const part = (group: ClassGroup, follower: Follower): void => {
    group.followers.delete(follower);
    tell.left(follower, group);
    if (group.followers.size > 0) return;
    groups.delete(group.key);
    tell.ended(group);
  };
  return {
    place(follower) {
      const key = objects.classOf(follower.proxy.proxy)?.key.name as ClassKey | undefined;
      const before = follower.group;
      if (key === undefined || before?.key === key) return;
      const group = groups.get(key) ?? begin(key, follower);
      group.followers.add(follower);
      follower.group = group;
      // Now, not before: the last proxy of an account would give its certificate away and be issued another.
      if (before !== undefined) part(before, follower);
      tell.placed(follower, group);
    },
    leave(follower) {
      if (follower.group !== undefined) part(follower.group, follower);
      follower.group = undefined;
    },
  };
}

function newGroup(key: ClassKey, account: AccountKey): ClassGroup {
  return {
    key,
    account,
    followers: new Set(),
    history: createViewHistory(),
    policy: undefined,
    compiledFor: undefined,
    guarded: new Map(),
    view: undefined,
  };
}
