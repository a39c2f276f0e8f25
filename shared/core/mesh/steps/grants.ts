import { kinds } from "../../events/kinds.ts";
import { readObjects } from "../../policy/read-object.ts";
import { grantOf } from "../../policy/traffic-target/apply.ts";
import { trafficTargetSchema } from "../../policy/traffic-target/schema.ts";
import { objectsInMesh, type Step } from "../draft.ts";

/** One grant a TrafficTarget: they stand side by side and only add up when a request is judged, so none can take from another. */
export const grants: Step = (draft) => {
  const { read, problems } = readObjects(objectsInMesh(draft, kinds.trafficTarget), trafficTargetSchema);
  const given = read.map((target) =>
    grantOf(target, {
      httpRoutes: (namespace, name) => draft.httpRoutes.get(`${namespace}/${name}`),
      tcpRoute: (namespace, name) => draft.tcpRoutes.get(`${namespace}/${name}`),
      semantics: draft.build.smiSemantics,
    }),
  );
  return {
    grants: given.flatMap(({ grant }) => grant ?? []),
    problems: [...problems, ...given.flatMap((target) => target.problems)],
  };
};
