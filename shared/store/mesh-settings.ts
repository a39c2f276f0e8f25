import type { MeshBuildSettings } from "../core/mesh/build-mesh.ts";
import type { DocumentStore } from "../ports/document-store.ts";

/** Of the `settings` document in `policies`, partition = mesh. */
interface MeshSettingsDocument {
  readonly version: number;
  readonly smiSemantics: MeshBuildSettings["smiSemantics"];
}

/** Settings of the mesh with the versions that `served` records. */
export interface MeshSettingsInForce {
  readonly version: number;
  readonly policyVersion: number;
  readonly build: MeshBuildSettings;
}

/** Defaults (version 0) where nobody wrote any. */
export async function readMeshSettings(documents: DocumentStore, mesh: string): Promise<MeshSettingsInForce> {
  const stored = await documents.get<MeshSettingsDocument>("policies", mesh, "settings");
  return {
    version: stored?.body.version ?? 0,
    policyVersion: 0,
    build: { smiSemantics: stored?.body.smiSemantics ?? "osm" },
  };
}
