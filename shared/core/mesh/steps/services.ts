import * as z from "zod";
import { kinds } from "../../events/kinds.ts";
import type { ObjectKey } from "../../object.ts";
import { compareAge } from "../../policy/age.ts";
import { creationTimestamp, portNumber } from "../../policy/fields.ts";
import { readObjects } from "../../policy/read-object.ts";
import { type DraftService, objectsInMesh, type Step } from "../draft.ts";
import { type Protocol, type ServiceKey, type ServicePort, serviceKey } from "../mesh.ts";
import type { Problem } from "../problem.ts";

const portSchema = z.object({
  name: z.string().optional(),
  port: portNumber,
  protocol: z.string(),
  appProtocol: z.string().nullish(),
});

const serviceSchema = z.object({
  spec: z.object({
    type: z.string(),
    clusterIPs: z.array(z.union([z.literal("None"), z.ipv4(), z.ipv6()])),
    ports: z.array(portSchema),
  }),
  creationTimestamp,
});

type KeyedService = z.infer<typeof serviceSchema> & { readonly key: ObjectKey };
type Port = z.infer<typeof portSchema>;

/** The Services of the mesh, each port leading to the Service itself. ExternalName Services are names of something else and left out. */
export const services: Step = (draft) => {
  const { read, problems } = readObjects(objectsInMesh(draft, kinds.service), serviceSchema);
  const found: Problem[] = [...problems];
  const claimed = new Map<string, ObjectKey>();
  const byKey = new Map<ServiceKey, DraftService>();
  for (const service of read.filter(({ spec }) => spec.type !== "ExternalName").toSorted(compareAge)) {
    const ports = portsOf(service, found);
    const { key } = service;
    byKey.set(serviceKey(key.namespace, key.name), {
      key: serviceKey(key.namespace, key.name),
      namespace: key.namespace,
      name: key.name,
      addresses: claimAddresses({ service, ports, claimed }, found),
      headless: service.spec.clusterIPs.includes("None"),
      ports,
      source: key,
      creationTimestamp: service.creationTimestamp,
    });
  }
  return { services: byKey, problems: found };
};

function portsOf({ key, spec }: KeyedService, problems: Problem[]): readonly ServicePort[] {
  const ports: ServicePort[] = [];
  for (const port of spec.ports.filter(({ protocol }) => protocol === "TCP")) {
    const protocol = protocolOf(port);
    if (protocol === undefined) {
      const message = `spec.ports: appProtocol of port ${port.port} is '${port.appProtocol}'`;
      problems.push({ code: "protocol-unsupported", object: key, message });
      continue;
    }
    const service = serviceKey(key.namespace, key.name);
    const rules = [{ matches: [], backends: [{ service, port: port.port, weight: 1 }], causes: [] }];
    ports.push({ port: port.port, protocol, accounts: [], rules });
  }
  return ports.toSorted((a, b) => a.port - b.port);
}

const protocols: readonly Protocol[] = ["tcp-server-first", "http", "tcp", "grpc"];

/** appProtocol as it stands, else the prefix of the port's name in OSM's order, else http (open-service-mesh.md §1.8). */
function protocolOf({ appProtocol, name = "" }: Port): Protocol | undefined {
  if (typeof appProtocol === "string") return protocols.find((protocol) => protocol === appProtocol);
  return protocols.find((protocol) => name.startsWith(`${protocol}-`)) ?? "http";
}

interface Claim {
  readonly service: KeyedService;
  readonly ports: readonly ServicePort[];
  /** `address port` → the Service that has it. */
  readonly claimed: Map<string, ObjectKey>;
}

/** One address and port can lead to one Service only; the younger one goes without the address. */
function claimAddresses({ service, ports, claimed }: Claim, problems: Problem[]): readonly string[] {
  const addresses: string[] = [];
  for (const address of [...new Set(service.spec.clusterIPs)].filter((ip) => ip !== "None").toSorted()) {
    const taken = ports.find(({ port }) => claimed.has(`${address} ${port}`));
    if (taken === undefined) {
      for (const { port } of ports) claimed.set(`${address} ${port}`, service.key);
      addresses.push(address);
      continue;
    }
    const holder = claimed.get(`${address} ${taken.port}`);
    const message = `${address}:${taken.port} already belongs to the Service ${holder?.namespace}/${holder?.name}`;
    problems.push({ code: "address-conflict", object: service.key, message });
  }
  return addresses;
}
