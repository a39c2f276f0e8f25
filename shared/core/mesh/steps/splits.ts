import { kinds } from "../../events/kinds.ts";
import { readObjects } from "../../policy/read-object.ts";
import { rootOf, splitPorts } from "../../policy/traffic-split/apply.ts";
import { rootNotFound } from "../../policy/traffic-split/problems.ts";
import { trafficSplitSchema } from "../../policy/traffic-split/schema.ts";
import { objectsInMesh, type Step } from "../draft.ts";
import type { ServiceKey } from "../mesh.ts";
import type { Problem } from "../problem.ts";

/** Divides the traffic of root Services. A backend that is itself a root is not divided again: rules name Services, never rules. */
export const splits: Step = (draft) => {
  const { read, problems } = readObjects(objectsInMesh(draft, kinds.trafficSplit), trafficSplitSchema);
  const found: Problem[] = [...problems];
  const services = new Map(draft.services);
  const lookup = {
    service: (key: ServiceKey) => draft.services.get(key),
    httpRoutes: (namespace: string, name: string) => draft.httpRoutes.get(`${namespace}/${name}`),
  };
  for (const [key, ofRoot] of Map.groupBy(read, rootOf)) {
    const root = key === undefined ? undefined : draft.services.get(key);
    if (root === undefined) found.push(...ofRoot.map((split) => rootNotFound(split.key, split.spec.service)));
    else {
      const divided = splitPorts(root, ofRoot, lookup);
      services.set(root.key, { ...root, ports: divided.ports });
      found.push(...divided.problems);
    }
  }
  return { services, problems: found };
};
