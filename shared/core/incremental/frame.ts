import { type KindName, kinds } from "../events/kinds.ts";
import { emptyDraft, type MeshBuildSettings } from "../mesh/draft.ts";
import type { MeshSettings } from "../mesh/mesh.ts";
import type { Problem } from "../mesh/problem.ts";
import { namespaces } from "../mesh/steps/namespaces.ts";
import { network } from "../mesh/steps/network.ts";
import { traffic } from "../mesh/steps/traffic.ts";
import type { MeshObject } from "../object.ts";

/** What everything else depends on: when an object of these kinds changes, all is derived anew. */
export interface Frame {
  readonly build: MeshBuildSettings;
  readonly settings: MeshSettings;
  /** Names of the namespaces in the mesh. */
  readonly namespaces: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

const frameKinds: readonly KindName[] = [kinds.namespace, kinds.meshConfig, kinds.clusterNetwork];

export function isOfFrame({ group, kind }: KindName): boolean {
  return frameKinds.some((of) => of.kind === kind && of.group === group);
}

/** `objects`: those of the frame's kinds. */
export function frameOf(objects: Iterable<MeshObject>, build: MeshBuildSettings): Frame {
  const draft = emptyDraft(objects, build);
  const [named, networked, configured] = [namespaces(draft), network(draft), traffic(draft)];
  const addresses = networked.network ?? draft.network;
  const rules = configured.traffic ?? draft.traffic;
  return {
    build,
    settings: { ...addresses, ...rules, causes: { ...addresses.causes, ...rules.causes } },
    namespaces: named.namespaces ?? draft.namespaces,
    problems: [named, networked, configured].flatMap(({ problems }) => problems ?? []),
  };
}
