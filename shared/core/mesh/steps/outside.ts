import * as z from "zod";
import { kinds } from "../../events/kinds.ts";
import { portNumber } from "../../policy/fields.ts";
import { readObjects } from "../../policy/read-object.ts";
import type { Step } from "../draft.ts";
import { type OutsideService, serviceKey } from "../mesh.ts";

const outsideSchema = z.object({
  spec: z.object({
    type: z.string(),
    clusterIPs: z.array(z.string()),
    ports: z.array(z.object({ port: portNumber, protocol: z.string() })),
  }),
});

/** Services of the other namespaces. Their mistakes are not the mesh's business: one that cannot be read is left out. */
export const outside: Step = (draft) => {
  const others = draft.objects(kinds.service).filter(({ key }) => !draft.namespaces.has(key.namespace));
  const { read } = readObjects(others, outsideSchema);
  const found = read.flatMap(({ key, spec }): readonly OutsideService[] => {
    const addresses = [...new Set(spec.clusterIPs)].filter(
      (address) => z.union([z.ipv4(), z.ipv6()]).safeParse(address).success,
    );
    const ports = new Set(spec.ports.filter(({ protocol }) => protocol === "TCP").map(({ port }) => port));
    if (spec.type === "ExternalName" || addresses.length === 0 || ports.size === 0) return [];
    return [
      {
        key: serviceKey(key.namespace, key.name),
        addresses: addresses.toSorted(),
        ports: [...ports].toSorted((a, b) => a - b),
        source: key,
      },
    ];
  });
  return { outside: found.toSorted((a, b) => (a.key < b.key ? -1 : 1)) };
};
