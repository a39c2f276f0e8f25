import * as z from "zod";
import { kinds } from "../../events/kinds.ts";
import type { ObjectKey } from "../../object.ts";
import { compareAge } from "../../policy/age.ts";
import { objectName, portNumber } from "../../policy/fields.ts";
import { readObjects } from "../../policy/read-object.ts";
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

type KeyedClass = z.infer<typeof workloadClassSchema> & { readonly key: ObjectKey };

/** A port of a Service that leads to a target port of a class. */
interface Back {
  readonly service: DraftService;
  readonly port: number;
  readonly targetPort: number;
  readonly protocol: Protocol;
}

/** The workload classes of the mesh, and with them the accounts behind each Service's ports. */
export const workloads: Step = (draft) => {
  const { read, problems } = readObjects(objectsInMesh(draft, kinds.workloadClass), workloadClassSchema);
  const found: Problem[] = [...problems];
  const accounts = new Map<string, Set<AccountKey>>();
  const classes = read.map((object): WorkloadClass => {
    const account = accountKey(object.key.namespace, object.spec.serviceAccount);
    const backs = backsOf(object, draft.services);
    for (const { service, port } of backs) {
      const behind = accounts.get(`${service.key} ${port}`);
      if (behind === undefined) accounts.set(`${service.key} ${port}`, new Set([account]));
      else behind.add(account);
    }
    return {
      key: object.key.name as ClassKey,
      namespace: object.key.namespace,
      account,
      inbound: inboundOf(backs, found),
      ipFamilies: [...new Set(object.spec.ipFamilies)].toSorted(),
      envoyVersion: object.spec.envoyVersion,
      source: object.key,
    };
  });
  const services = new Map<ServiceKey, DraftService>();
  for (const [key, service] of draft.services) {
    const ports = service.ports.map((port) => ({
      ...port,
      accounts: [...(accounts.get(`${key} ${port.port}`) ?? [])].toSorted(),
    }));
    services.set(key, { ...service, ports });
  }
  return { workloads: classes, services, problems: found };
};

/** Those of Services and ports that the mesh has; a class may be a moment ahead of or behind its Services. */
function backsOf({ key, spec }: KeyedClass, services: ReadonlyMap<ServiceKey, DraftService>): readonly Back[] {
  return spec.backs.flatMap(({ service: name, port, targetPort }) => {
    const service = services.get(serviceKey(key.namespace, name));
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
