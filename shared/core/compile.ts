import { buildMesh, type MeshBuildSettings } from "./mesh/build-mesh.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { Problem } from "./mesh/problem.ts";
import type { MeshObject } from "./object.ts";
import { type ClassResources, type SealedSnapshot, seal } from "./snapshot/snapshot.ts";
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
  const snapshot = seal(viewsOf(mesh));
  return { mesh, problems, snapshot };
}

/** The view of every class of the mesh. In permissive mode all classes of the same IP families dial the same. */
export function viewsOf(mesh: Mesh): readonly ClassResources[] {
  const translate = createTranslator(mesh);
  const permissive = mesh.settings.mode === "permissive";
  return mesh.workloads.map((workload) => ({
    workload,
    resources: translate(workload),
    ...(permissive && { everyone: workload.ipFamilies.join("+") }),
  }));
}
