import { kinds } from "../../events/kinds.ts";
import { settingsOf } from "../../policy/mesh-config/apply.ts";
import type { Step } from "../draft.ts";

/** MeshConfig counts wherever it stands: OSM's own namespace is not in the mesh. */
export const traffic: Step = (draft) => {
  const { settings, problems } = settingsOf(draft.objects(kinds.meshConfig));
  return { traffic: settings, problems };
};
