import type { ContentHash } from "../../shared/core/brand.ts";
import { classEntryOf, compareIndexes, type SharedDifference, versionIn } from "../../shared/core/snapshot/snapshot.ts";
import { identityName } from "../../shared/core/xds/names.ts";
import { envoyTypes, type ResourceId } from "../../shared/core/xds/resource.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ClassGroup, GroupPolicy, Layer } from "./class-group.ts";
import { type ClassPolicy, policyIn, resourceOf } from "./class-policy.ts";
import { composed } from "./class-view.ts";
import { differingNames } from "./layered-resources.ts";
import type { Layers } from "./layers.ts";
import { amongIds, createSharedLayers, editsFor } from "./shared-layers.ts";
import { changeOf, mergeChanges, type ViewChanges } from "./view-changes.ts";

/** What another snapshot changes, found out once for all classes. */
export interface SnapshotNews {
  readonly before: ServedSnapshot;
  readonly classes: ReadonlySet<string>;
  readonly shared: readonly SharedDifference[];
  readonly layers: ReadonlyMap<Layer, ViewChanges>;
}

/** Gives classes the layers that a snapshot has for them. Nothing is read again of what two snapshots have in common. */
export interface GroupPolicies {
  /** Another snapshot is in force: what is shared is changed at once, for all. */
  serve(before: ServedSnapshot | undefined, served: ServedSnapshot): SnapshotNews | undefined;
  /** Takes what the snapshot in force has for the class; `isKnown` is false for one that it does not know, which keeps what it has. */
  refresh(group: ClassGroup, served: ServedSnapshot, news: SnapshotNews | undefined): Refreshed;
  /** Takes what was compiled for this class alone. */
  adopt(group: ClassGroup, policy: ClassPolicy): ViewChanges | undefined;
  drop(group: ClassGroup): void;
}

interface Refreshed {
  readonly isKnown: boolean;
  /** Since the group's view; undefined: not known. */
  readonly changes: ViewChanges | undefined;
}

export function createGroupPolicies(layers: Layers): GroupPolicies {
  const sharing = createSharedLayers(layers);
  const replace = (group: ClassGroup, next: GroupPolicy, news: SnapshotNews | undefined): ViewChanges | undefined => {
    const { policy: before, view } = group;
    group.policy = next;
    next.own.classes.add(group);
    const identity = before?.own.resources.secret.get(identityName);
    if (identity !== undefined) layers.put(next.own, "secret", identity);
    if (before === undefined) return undefined;
    const inShared = next.shared && news?.layers.get(next.shared);
    const changes =
      before.shared === next.shared && (next.shared === undefined || inShared !== undefined)
        ? mergeChanges(inShared, differences(before.own.resources, next.own.resources))
        : view && differences(view.resources, composed(next));
    layers.release(before.own);
    if (before.shared !== undefined && before.shared !== next.shared) sharing.leave(group, before.shared);
    return changes;
  };
  const ownLayer = (put: Iterable<readonly [ResourceId, { version: ContentHash; body: Uint8Array }]>): Layer => {
    const own = layers.create();
    layers.edit(own, { drop: [], put });
    return own;
  };
  const adopt = (group: ClassGroup, { version, members }: ClassPolicy): ViewChanges | undefined =>
    replace(group, { version, own: ownLayer(members), shared: undefined, listed: undefined }, undefined);
  return {
    serve(before, served) {
      if (before === undefined) return undefined;
      const { classes, shared } = compareIndexes(before.snapshot.index, served.snapshot.index);
      return { before, classes, shared, layers: sharing.serve(served, shared) };
    },
    refresh(group, served, news) {
      const { policy, key } = group;
      const { version } = served;
      const { index } = served.snapshot;
      if (news !== undefined && policy?.listed !== undefined && !news.classes.has(key)) {
        group.policy = { ...policy, version };
        const own = layers.edit(policy.own, editsFor(served, news.shared, amongIds(policy.listed)));
        return { isKnown: true, changes: mergeChanges(policy.shared && news.layers.get(policy.shared), own) };
      }
      const entry = classEntryOf(index, key);
      if (entry === undefined) {
        const last = policy?.listed && news && policyIn(news.before, key);
        return { isKnown: false, changes: last === undefined ? [] : adopt(group, last) };
      }
      const ids = "ids" in entry.shared ? entry.shared.ids : [];
      const versions = [
        ...(Object.entries(entry.own) as [ResourceId, ContentHash][]),
        ...ids.map((id): [ResourceId, ContentHash] => [id, versionIn(index, id)]),
      ];
      const own = ownLayer(versions.map(([id, of]) => [id, resourceOf(served, id, of)]));
      const shared = sharing.join(group, entry, served);
      return { isKnown: true, changes: replace(group, { version, own, shared, listed: new Set(ids) }, news) };
    },
    adopt,
    drop(group) {
      const { policy } = group;
      if (policy === undefined) return;
      layers.release(policy.own);
      if (policy.shared !== undefined) sharing.leave(group, policy.shared);
      group.policy = undefined;
    },
  };
}

function differences(before: Readonly<Layer["resources"]>, after: Readonly<Layer["resources"]>): ViewChanges {
  return mergeChanges(...envoyTypes.map((type) => changeOf(type, differingNames(before[type], after[type]))));
}
