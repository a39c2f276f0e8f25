import { type Compilation, compileOnce } from "./incremental/compiler.ts";
import type { MeshBuildSettings } from "./mesh/build-mesh.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { MeshObject } from "./object.ts";
import type { ClassResources } from "./snapshot/snapshot.ts";
import { createTranslator } from "./xds/translate.ts";

export { type Compilation, type Compiler, createClassTranslator, createCompiler } from "./incremental/compiler.ts";

/** Grows with every change of buildMesh, translate or seal that can change bytes; an instance with an older one does not compile. */
export const translatorVersion = 1;

/**
 * buildMesh → translate → seal: the only composition of these, called by functions, gateway, command line and tests alike (design.md §2). Each piece is derived
 * from those that it is made of (shared/core/incremental); createCompiler() keeps them, so that the next state costs only what differs.
 */
export function compile(input: {
  readonly objects: Iterable<MeshObject>;
  readonly settings: MeshBuildSettings;
}): Compilation {
  return compileOnce(input.objects, input.settings);
}

/** The view of every class of a mesh, to be sealed as a whole. In permissive mode all classes of the same IP families dial the same. */
export function viewsOf(mesh: Mesh): readonly ClassResources[] {
  const translate = createTranslator(mesh);
  const permissive = mesh.settings.mode === "permissive";
  return mesh.workloads.map((workload) => ({
    workload,
    resources: translate(workload),
    ...(permissive && { everyone: workload.ipFamilies.join("+") }),
  }));
}
