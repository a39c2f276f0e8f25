import { kinds } from "../../events/kinds.ts";
import type { ObjectKey } from "../../object.ts";
import { httpRoutesOf } from "../../policy/http-route-group/apply.ts";
import { httpRouteGroupSchema } from "../../policy/http-route-group/schema.ts";
import { readObjects } from "../../policy/read-object.ts";
import { tcpRoutePortsOf } from "../../policy/tcp-route/apply.ts";
import { tcpRouteSchema } from "../../policy/tcp-route/schema.ts";
import { objectsInMesh, type Step } from "../draft.ts";

/** What TrafficTargets and TrafficSplits refer to. What cannot be read is not there, so a rule that needs it stays closed. */
export const routes: Step = (draft) => {
  const groups = readObjects(objectsInMesh(draft, kinds.httpRouteGroup), httpRouteGroupSchema);
  const tcpRoutes = readObjects(objectsInMesh(draft, kinds.tcpRoute), tcpRouteSchema);
  const described = groups.read.map((group) => httpRoutesOf(group, draft.build.smiSemantics));
  return {
    httpRoutes: new Map(described.map((group) => [nameOf(group.routes.key), group.routes])),
    tcpRoutes: new Map(tcpRoutes.read.map((route) => [nameOf(route.key), tcpRoutePortsOf(route)])),
    problems: [...groups.problems, ...tcpRoutes.problems, ...described.flatMap((group) => group.problems)],
  };
};

function nameOf({ namespace, name }: ObjectKey): string {
  return `${namespace}/${name}`;
}
