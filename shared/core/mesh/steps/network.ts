import * as z from "zod";
import { kinds } from "../../events/kinds.ts";
import { readObjects } from "../../policy/read-object.ts";
import type { Step } from "../draft.ts";

const cidrs = z.array(z.union([z.cidrv4(), z.cidrv6()])).default([]);

const clusterNetworkSchema = z.object({
  spec: z.object({
    trustDomain: z.string().min(1).optional(),
    clusterDomain: z.string().min(1).optional(),
    serviceCidrs: cidrs,
    podCidrs: cidrs,
  }),
});

/** There is one of these objects, and the gateway makes it. */
const clusterNetworkName = "cluster";

/** What the gateway found out about the cluster itself. */
export const network: Step = (draft) => {
  const objects = draft.objects(kinds.clusterNetwork).filter(({ key }) => key.name === clusterNetworkName);
  const { read, problems } = readObjects(objects, clusterNetworkSchema);
  const [found] = read;
  if (found === undefined) return { problems };
  const { key, spec } = found;
  return {
    network: {
      trustDomain: spec.trustDomain ?? draft.network.trustDomain,
      clusterDomain: spec.clusterDomain ?? draft.network.clusterDomain,
      serviceCidrs: spec.serviceCidrs.toSorted(),
      podCidrs: spec.podCidrs.toSorted(),
      causes: { cidrs: [key] },
    },
    problems,
  };
};
