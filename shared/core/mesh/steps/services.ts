import * as z from "zod";
import { kinds } from "../../events/kinds.ts";
import type { MeshObject, ObjectKey } from "../../object.ts";
import { compareAge } from "../../policy/age.ts";
import { creationTimestamp, portNumber } from "../../policy/fields.ts";
import { readObject } from "../../policy/read-object.ts";
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

/** A Service as it asks to be: which of its addresses it gets depends on the others that ask for them. */
export interface AskingService {
  readonly service: Omit<DraftService, "addresses">;
  /** Sorted. */
  readonly asked: readonly string[];
}

/** The Services of the mesh, each port leading to the Service itself. */
export const services: Step = (draft) => {
  const read = objectsInMesh(draft, kinds.service).map(readService);
  const asking = read.flatMap(({ value }) => value ?? []);
  const rivals = Map.groupBy(
    asking.flatMap((one) => one.asked.map((address) => ({ address, one }))),
    ({ address }) => address,
  );
  const addressed = asking.map((one) =>
    withAddresses(one, (address) => (rivals.get(address) ?? []).map((rival) => rival.one)),
  );
  return {
    services: new Map(addressed.map(({ service }) => [service.key, service])),
    problems: [...read.flatMap(({ problems }) => problems), ...addressed.flatMap(({ problems }) => problems)],
  };
};

/** Nothing where it cannot be read, and of an ExternalName Service, which is a name of something else. */
export function readService(object: MeshObject): {
  readonly value?: AskingService;
  readonly problems: readonly Problem[];
} {
  const read = readObject(object, serviceSchema);
  if (!("value" in read)) return { problems: [read.problem] };
  const { key } = object;
  const { spec, creationTimestamp: created } = read.value;
  if (spec.type === "ExternalName") return { problems: [] };
  const problems: Problem[] = [];
  const service = {
    key: serviceKey(key.namespace, key.name),
    namespace: key.namespace,
    name: key.name,
    headless: spec.clusterIPs.includes("None"),
    ports: portsOf({ ...read.value, key }, problems),
    source: key,
    creationTimestamp: created,
  };
  return { value: { service, asked: [...new Set(spec.clusterIPs)].filter((ip) => ip !== "None").sort() }, problems };
}

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

/** `rivals`: all Services that ask for an address, this one among them. */
export function withAddresses(
  { service, asked }: AskingService,
  rivals: (address: string) => readonly AskingService[],
): { readonly service: DraftService; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const addresses = asked.filter((address) => {
    const problem = conflictAt(address, service, rivals(address));
    if (problem !== undefined) problems.push(problem);
    return problem === undefined;
  });
  return { service: { ...service, addresses }, problems };
}

/** One address and port can lead to one Service only; the younger one goes without the address. */
function conflictAt(
  address: string,
  service: AskingService["service"],
  rivals: readonly AskingService[],
): Problem | undefined {
  if (rivals.length < 2) return undefined;
  const holders = new Map<number, ServiceKey>();
  for (const { service: rival } of rivals.toSorted(compareAskingAge)) {
    const taken = rival.ports.find(({ port }) => holders.has(port));
    if (rival.key === service.key) {
      if (taken === undefined) return undefined;
      const message = `${address}:${taken.port} already belongs to the Service ${holders.get(taken.port)}`;
      return { code: "address-conflict", object: service.source, message };
    }
    if (taken === undefined) for (const { port } of rival.ports) holders.set(port, rival.key);
  }
  return undefined;
}

function compareAskingAge({ service: a }: AskingService, { service: b }: AskingService): number {
  return compareAge({ ...a, key: a.source }, { ...b, key: b.source });
}
