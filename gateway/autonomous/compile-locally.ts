import type { ContentHash } from "../../shared/core/brand.ts";
import { compile, translatorVersion } from "../../shared/core/compile.ts";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import { objectsOf } from "../../shared/core/state/cluster-state.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import type { StoredResource } from "../../shared/store/block-store.ts";
import type { MeshSettingsInForce } from "../../shared/store/mesh-settings.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";

export interface LocalCompilation {
  readonly snapshot: ServedSnapshot;
  readonly state: Trie;
  readonly problems: readonly Problem[];
}

/**
 * Compiles the gateway's own state as the functions do. It goes by the version of the cloud's snapshot that it stands in for; what comes out equal has equal
 * bytes, an equal version, and is not sent again.
 */
export function compileLocally(cloud: ServedSnapshot, state: Trie, settings: MeshSettingsInForce): LocalCompilation {
  const { snapshot, problems } = compile({ objects: objectsOf(state), settings: settings.build });
  const resources = new Map<ContentHash, StoredResource>();
  for (const [version, { body, causes }] of snapshot.resources)
    resources.set(version, cloud.resources.get(version) ?? { version, body: Buffer.from(body), causes });
  const { incarnation, version } = cloud;
  const { index, sets } = snapshot;
  const served = {
    root: index.root,
    state: state.root,
    policyVersion: settings.policyVersion,
    settingsVersion: settings.version,
    translator: translatorVersion,
  };
  return { snapshot: { incarnation, version, served, snapshot: { index, sets }, resources }, state, problems };
}
