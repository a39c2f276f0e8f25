import * as z from "zod";
import { kinds } from "../../events/kinds.ts";
import type { MeshObject } from "../../object.ts";
import { portNumber } from "../../policy/fields.ts";
import { readObject } from "../../policy/read-object.ts";
import type { Step } from "../draft.ts";
import { type OutsideService, serviceKey } from "../mesh.ts";

const outsideSchema = z.object({
  spec: z.object({
    type: z.string(),
    clusterIPs: z.array(z.string()),
    ports: z.array(z.object({ port: portNumber, protocol: z.string() })),
  }),
});

const ipAddress = z.union([z.ipv4(), z.ipv6()]);

/** Services of the other namespaces. */
export const outside: Step = (draft) => {
  const others = draft.objects(kinds.service).filter(({ key }) => !draft.namespaces.has(key.namespace));
  return { outside: others.flatMap((object) => outsideOf(object) ?? []).sort((a, b) => (a.key < b.key ? -1 : 1)) };
};

/** Their mistakes are not the mesh's business: one that cannot be read is left out. */
export function outsideOf(object: MeshObject): OutsideService | undefined {
  const read = readObject(object, outsideSchema);
  if (!("value" in read)) return undefined;
  const { type, clusterIPs, ports: declared } = read.value.spec;
  const addresses = [...new Set(clusterIPs)].filter((address) => ipAddress.safeParse(address).success);
  const ports = new Set(declared.filter(({ protocol }) => protocol === "TCP").map(({ port }) => port));
  if (type === "ExternalName" || addresses.length === 0 || ports.size === 0) return undefined;
  return {
    key: serviceKey(object.key.namespace, object.key.name),
    addresses: addresses.sort(),
    ports: [...ports].sort((a, b) => a - b),
    source: object.key,
  };
}
