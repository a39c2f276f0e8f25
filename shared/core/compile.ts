import { buildMesh, type MeshBuildSettings } from "./mesh/build-mesh.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { Problem } from "./mesh/problem.ts";
import type { MeshObject } from "./object.ts";
import { type SealedSnapshot, seal } from "./snapshot/snapshot.ts";
import { createTranslator } from "./xds/translate.ts";

/** Grows with every change of buildMesh, translate or seal that can change bytes; an instance with an older one does not compile. */
export const translatorVersion = 1;

export interface Compilation {
  readonly mesh: Mesh;
  readonly problems: readonly Problem[];
  readonly snapshot: SealedSnapshot;
}

/** buildMesh → translate → seal: the only composition of these, called by functions, gateway, command line and tests alike (design.md §2). */
export function compile(input: {
  readonly objects: Iterable<MeshObject>;
  readonly settings: MeshBuildSettings;
}): Compilation {
  const { mesh, problems } = buildMesh(input);
  const translate = createTranslator(mesh);
  const snapshot = seal(mesh.workloads.map((workload) => ({ workload, resources: translate(workload) })));
  return { mesh, problems, snapshot };
}
