import type { MeshBuildSettings } from "../shared/core/mesh/build-mesh.ts";
import type { FunctionParts } from "./ports.ts";

/** Of the `settings` document in `policies`, partition = mesh. */
export interface MeshSettingsDocument {
  readonly version: number;
  readonly smiSemantics: MeshBuildSettings["smiSemantics"];
}

/** Settings of the mesh with the versions that `served` records; defaults (version 0) where nobody wrote any. */
export async function readSettings(
  parts: Pick<FunctionParts, "documents" | "mesh">,
): Promise<{ readonly version: number; readonly policyVersion: number; readonly build: MeshBuildSettings }> {
  const stored = await parts.documents.get<MeshSettingsDocument>("policies", parts.mesh, "settings");
  return {
    version: stored?.body.version ?? 0,
    policyVersion: 0,
    build: { smiSemantics: stored?.body.smiSemantics ?? "osm" },
  };
}
