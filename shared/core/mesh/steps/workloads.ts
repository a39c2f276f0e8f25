import * as z from "zod";
import { kinds } from "../../events/kinds.ts";
import type { MeshObject, ObjectKey } from "../../object.ts";
import { compareAge } from "../../policy/age.ts";
import { objectName, portNumber } from "../../policy/fields.ts";
import { readObject } from "../../policy/read-object.ts";
import { type DraftService, objectsInMesh, type Step } from "../draft.ts";
import {
  type AccountKey,
  accountKey,
  type ClassKey,
  carriesRequests,
  type InboundPort,
  type Protocol,
  type ServiceKey,
  serviceKey,
  type WorkloadClass,
} from "../mesh.ts";
import type { Problem } from "../problem.ts";

const workloadClassSchema = z.object({
  spec: z.object({
    serviceAccount: objectName,
    backs: z.array(z.object({ service: z.string(), port: portNumber, targetPort: portNumber })),
    ipFamilies: z.array(z.enum(["IPv4", "IPv6"])),
    envoyVersion: z.string(),
  }),
});

export type KeyedClass = z.infer<typeof workloadClassSchema> & { readonly key: ObjectKey };

/** A port of a Service that leads to a target port of a class. */
interface Back {
  readonly service: DraftService;
  readonly port: number;
  readonly targetPort: number;
  readonly protocol: Protocol;
}

type ServiceLookup = (key: ServiceKey) => DraftService | undefined;

/** The workload classes of the mesh, and with them the accounts behind each Service's ports. */
export const workloads: Step = (draft) => {
  const read = objectsInMesh(draft, kinds.workloadClass).map(readClass);
  const classes = read.flatMap(({ value }) => value ?? []);
  const made = classes.map((object) => workloadOf(object, (key) => draft.services.get(key)));
  const behind = Map.groupBy(classes.flatMap(accountsByPort), ([port]) => port);
  const services = new Map<ServiceKey, DraftService>();
  for (const [key, service] of draft.services) {
    const ports = service.ports.map((port) => ({
      ...port,
      accounts: [...new Set((behind.get(portText(key, port.port)) ?? []).map(([, account]) => account))].sort(),
    }));
    services.set(key, { ...service, ports });
  }
  return {
    workloads: made.map(({ workload }) => workload),
    services,
    problems: [...read.flatMap(({ problems }) => problems), ...made.flatMap(({ problems }) => problems)],
  };
};

export function readClass(object: MeshObject): { readonly value?: KeyedClass; readonly problems: readonly Problem[] } {
  const read = readObject(object, workloadClassSchema);
  return "value" in read ? { value: { ...read.value, key: object.key }, problems: [] } : { problems: [read.problem] };
}

/** As whom the pods of a class stand behind which ports, of Services that may or may not be there. */
export function accountsByPort({ key, spec }: KeyedClass): readonly (readonly [port: string, account: AccountKey])[] {
  const account = accountKey(key.namespace, spec.serviceAccount);
  return spec.backs.map(({ service, port }) => [portText(serviceKey(key.namespace, service), port), account]);
}

/** Names the port of a Service. */
export function portText(service: ServiceKey, port: number): string {
  return `${service}:${port}`;
}

export function workloadOf(
  object: KeyedClass,
  find: ServiceLookup,
): { readonly workload: WorkloadClass; readonly problems: readonly Problem[] } {
  const { key, spec } = object;
  const problems: Problem[] = [];
  const workload: WorkloadClass = {
    key: key.name as ClassKey,
    namespace: key.namespace,
    account: accountKey(key.namespace, spec.serviceAccount),
    inbound: inboundOf(backsOf(object, find), problems),
    ipFamilies: [...new Set(spec.ipFamilies)].toSorted(),
    envoyVersion: spec.envoyVersion,
    source: key,
  };
  return { workload, problems };
}

/** Those of Services and ports that the mesh has; a class may be a moment ahead of or behind its Services. */
function backsOf({ key, spec }: KeyedClass, find: ServiceLookup): readonly Back[] {
  return spec.backs.flatMap(({ service: name, port, targetPort }) => {
    const service = find(serviceKey(key.namespace, name));
    const protocol = service?.ports.find((candidate) => candidate.port === port)?.protocol;
    return service === undefined || protocol === undefined ? [] : [{ service, port, targetPort, protocol }];
  });
}

/** One entry a target port: Services that share it share what stands behind it, so only one protocol can be spoken there. */
function inboundOf(backs: readonly Back[], problems: Problem[]): readonly InboundPort[] {
  const inbound: InboundPort[] = [];
  for (const [targetPort, sharing] of Map.groupBy(backs, (back) => back.targetPort)) {
    const [winner, ...others] = sharing.toSorted(compareBacks);
    if (winner === undefined) continue;
    for (const other of others) if (conflict(winner, other)) problems.push(protocolConflict(winner, other));
    const services = sharing.map(({ service, port }) => ({ service: service.key, port, source: service.source }));
    inbound.push({ targetPort, protocol: winner.protocol, services: services.toSorted(compareServicePorts) });
  }
  return inbound.toSorted((a, b) => a.targetPort - b.targetPort);
}

/** HTTP and gRPC get along: both are told apart by request. */
function conflict(a: Back, b: Back): boolean {
  return a.protocol !== b.protocol && !(carriesRequests(a.protocol) && carriesRequests(b.protocol));
}

function protocolConflict(winner: Back, other: Back): Problem {
  return {
    code: "protocol-conflict",
    object: other.service.source,
    message:
      `port ${other.port} speaks ${other.protocol}, but leads to target port ${other.targetPort} like port ${winner.port} ` +
      `of the Service ${winner.service.key}, which speaks ${winner.protocol}`,
  };
}

function compareBacks(a: Back, b: Back): number {
  return (
    compareAge({ ...a.service, key: a.service.source }, { ...b.service, key: b.service.source }) || a.port - b.port
  );
}

type PortOfService = InboundPort["services"][number];

function compareServicePorts(a: PortOfService, b: PortOfService): number {
  return a.service < b.service ? -1 : a.service > b.service ? 1 : a.port - b.port;
}
