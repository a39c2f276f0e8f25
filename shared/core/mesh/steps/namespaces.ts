import * as z from "zod";
import { kinds } from "../../events/kinds.ts";
import { ignoreLabel, monitoredByLabel } from "../../events/normalise.ts";
import { readObjects } from "../../policy/read-object.ts";
import type { Step } from "../draft.ts";

const namespaceSchema = z.object({ labels: z.record(z.string(), z.string()).optional() });

/** In the mesh is what is monitored, by whatever mesh name, and not ignored (open-service-mesh.md §1.4). */
export const namespaces: Step = (draft) => {
  const { read, problems } = readObjects(draft.objects(kinds.namespace), namespaceSchema);
  const inMesh = read.filter(
    ({ labels }) => labels?.[monitoredByLabel] !== undefined && labels[ignoreLabel] === undefined,
  );
  return { namespaces: new Set(inMesh.map(({ key }) => key.name)), problems };
};
