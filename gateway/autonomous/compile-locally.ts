import type { ContentHash } from "../../shared/core/brand.ts";
import { createCompiler, translatorVersion } from "../../shared/core/compile.ts";
import type { Problem } from "../../shared/core/mesh/problem.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import type { StoredResource } from "../../shared/store/block-store.ts";
import type { MeshSettingsInForce } from "../../shared/store/mesh-settings.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";

export interface LocalCompilation {
  readonly snapshot: ServedSnapshot;
  readonly state: Trie;
  readonly problems: readonly Problem[];
}

/** Compiles the gateway's own states, one after another, each from what the last one left. */
export interface LocalCompiler {
  readonly compile: (cloud: ServedSnapshot, state: Trie, settings: MeshSettingsInForce) => LocalCompilation;
  /** The cloud compiles again: what was remembered is given back. */
  readonly forget: () => void;
}

/**
 * Compiles as the functions do. What comes out goes by the version of the cloud's snapshot that it stands in for; what comes out equal has equal bytes, an
 * equal version, and is not sent again.
 */
export function createLocalCompiler(): LocalCompiler {
  let last = nothing();
  return {
    compile(cloud, state, settings) {
      const { snapshot, problems } = last.compiler.compile({ objects: state, settings: settings.build });
      const resources = new Map<ContentHash, StoredResource>();
      for (const [version, { body, causes }] of snapshot.resources) {
        const known = cloud.resources.get(version) ?? last.resources.get(version);
        resources.set(version, known ?? { version, body: Buffer.from(body), causes });
      }
      last = { ...last, resources };
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
    },
    forget: () => {
      last = nothing();
    },
  };
}

function nothing() {
  return { compiler: createCompiler(), resources: new Map<ContentHash, StoredResource>() };
}
