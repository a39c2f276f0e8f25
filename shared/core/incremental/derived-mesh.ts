import { type KindName, kinds } from "../events/kinds.ts";
import { withoutAge } from "../mesh/build-mesh.ts";
import type { DraftService } from "../mesh/draft.ts";
import type {
  AccountKey,
  Grant,
  OutsideService,
  Service,
  ServiceKey,
  ServicePort,
  WorkloadClass,
} from "../mesh/mesh.ts";
import type { Problem } from "../mesh/problem.ts";
import { outsideOf } from "../mesh/steps/outside.ts";
import { readService, withAddresses } from "../mesh/steps/services.ts";
import { accountsByPort, portText, readClass, workloadOf } from "../mesh/steps/workloads.ts";
import type { MeshObject, ObjectKey } from "../object.ts";
import { httpRoutesOf } from "../policy/http-route-group/apply.ts";
import { httpRouteGroupSchema } from "../policy/http-route-group/schema.ts";
import { readObject } from "../policy/read-object.ts";
import { tcpRoutePortsOf } from "../policy/tcp-route/apply.ts";
import { tcpRouteSchema } from "../policy/tcp-route/schema.ts";
import { type KeyedSplit, rootOf, type SplitRoot, splitPorts } from "../policy/traffic-split/apply.ts";
import { rootNotFound } from "../policy/traffic-split/problems.ts";
import { trafficSplitSchema } from "../policy/traffic-split/schema.ts";
import { grantOf, type RouteLookup } from "../policy/traffic-target/apply.ts";
import { trafficTargetSchema } from "../policy/traffic-target/schema.ts";
import { accountsBehind, type MeshLookup, type PortOfService } from "../xds/mesh-index.ts";
import { type Derivations, type Derived, type Gathered, type Input } from "./derivations.ts";
import type { Frame } from "./frame.ts";
import { isSameList } from "./places.ts";

/** The mesh piece by piece, each derived from the objects that it is of: what mesh/build-mesh.ts says of all objects at once. */
export interface DerivedMesh extends MeshLookup {
  /** Takes an object of any kind that is not the frame's; undefined: it is gone. */
  readonly set: (key: ObjectKey, object: MeshObject | undefined) => void;
  /** `namespace/name` of the objects that stand in the mesh. */
  readonly services: Input<MeshObject>;
  readonly outsiders: Input<MeshObject>;
  readonly classes: Input<MeshObject>;
  readonly workload: Derived<WorkloadClass | undefined>;
  readonly outside: Derived<OutsideService | undefined>;
  /** Ports of a Service, by its key. */
  readonly ports: (key: string) => readonly PortOfService[];
  /** The ports that lead to an account, each with the accounts behind all its backends: see parseRoute(). */
  readonly routesTo: Gathered<string>;
  /** Those whom an account may reach; not asked in permissive mode. */
  readonly reachOf: (account: string) => ReadonlySet<AccountKey>;
}

export interface MeshPlan {
  readonly derivations: Derivations;
  readonly frame: Frame;
  /** Told of the problems that are found at a place, instead of those before. */
  readonly onProblems: (place: string, problems: readonly Problem[]) => void;
}

type WithProblems = { readonly problems: readonly Problem[] } | undefined;

export function deriveMesh({ derivations, frame, onProblems }: MeshPlan): DerivedMesh {
  /** A value with problems, which are told as they come and go. */
  const judged = <V extends WithProblems>(place: string, compute: (key: string) => V): Derived<V> =>
    derivations.derive(compute, {
      changed: ({ key, before, after }) => {
        const problems = after?.problems ?? [];
        if (problems.length > 0 || (before?.problems ?? []).length > 0) onProblems(`${place} ${key}`, problems);
      },
    });
  const inputs = createInputs(derivations, frame);
  const part: Part = { derivations, judged, inputs, frame };
  const routes = deriveRoutes(part);

  const asking = judged("service", (key) => ifPresent(inputs.service.read(key), readService));
  const rivals = derivations.gather(inputs.service, asking, (read) =>
    (read?.value?.asked ?? []).map((address) => [address, read?.value] as const),
  );
  const addressed = judged("address", (key) =>
    ifPresent(asking(key)?.value, (one) =>
      withAddresses(one, (address) => rivals(address).flatMap((rival) => rival ?? [])),
    ),
  );
  const serviceOf = (key: string): DraftService | undefined => addressed(key)?.service;

  const readClassOf = judged("class", (key) => ifPresent(inputs.workloadClass.read(key), readClass));
  const behind = derivations.gather(inputs.workloadClass, readClassOf, (read) =>
    read?.value === undefined ? [] : accountsByPort(read.value),
  );
  const accounts = derivations.derive((port) => [...new Set(behind(port))].sort(), { same: isSameList });
  const workload = judged("workload", (key) =>
    ifPresent(readClassOf(key)?.value, (read) => workloadOf(read, serviceOf)),
  );

  const divided = deriveSplits(part, routes, (key) => asking(key)?.value?.service);
  const portsOf = judged("root", (key) =>
    ifPresent(serviceOf(key), (found) => {
      const { ports, problems } = divided(key) ?? { ports: found.ports, problems: [] };
      const withAccounts = (port: ServicePort) => ({ ...port, accounts: accounts(portText(found.key, port.port)) });
      const service: Service = { ...withoutAge(found), ports: ports.map(withAccounts) };
      const behindPort = (port: ServicePort) =>
        accountsBehind(service, port, (backend) => accounts(portText(backend.service, backend.port)));
      return { ports: service.ports.map((port) => ({ service, port, backendAccounts: behindPort(port) })), problems };
    }),
  );
  const ports = (key: string): readonly PortOfService[] => portsOf(key)?.ports ?? [];
  const routesTo = derivations.gather(inputs.service, portsOf, (found) =>
    (found?.ports ?? []).flatMap(({ service: { key }, port, backendAccounts }) => {
      const route = `${portText(key, port.port)} ${backendAccounts.join(",")}`;
      return backendAccounts.map((account) => [account, route] as const);
    }),
  );

  return {
    settings: frame.settings,
    set: inputs.set,
    services: inputs.service,
    outsiders: inputs.outsider,
    classes: inputs.workloadClass,
    workload: (key) => workload(key)?.workload,
    outside: derivations.derive((key) => ifPresent(inputs.outsider.read(key), outsideOf)),
    ports,
    routesTo,
    port({ service: key, port: number }) {
      const found = ports(key).find(({ port }) => port.port === number);
      if (found === undefined) throw new Error(`the mesh has no port ${number} of ${key}`);
      return found;
    },
    ...deriveGrants(part, routes),
  };
}

export function parsePortText(text: string): { readonly service: ServiceKey; readonly port: number } {
  const colon = text.lastIndexOf(":");
  return { service: text.slice(0, colon) as ServiceKey, port: Number(text.slice(colon + 1)) };
}

/** A port, by its text, and the accounts behind it: one text, so that two are the same when they say the same. */
export function parseRoute(route: string): { readonly port: string; readonly accounts: readonly AccountKey[] } {
  const space = route.indexOf(" ");
  return { port: route.slice(0, space), accounts: route.slice(space + 1).split(",") as AccountKey[] };
}

function ifPresent<T, R>(value: T | undefined, use: (value: T) => R): R | undefined {
  return value === undefined ? undefined : use(value);
}

type Judged = <V extends WithProblems>(place: string, compute: (key: string) => V) => Derived<V>;

interface Part {
  readonly derivations: Derivations;
  readonly judged: Judged;
  readonly inputs: ReturnType<typeof createInputs>;
  readonly frame: Frame;
}

function createInputs(derivations: Derivations, { namespaces }: Frame) {
  const input = () => derivations.input<MeshObject>();
  const byName = {
    service: input(),
    workloadClass: input(),
    httpRouteGroup: input(),
    tcpRoute: input(),
    trafficSplit: input(),
    trafficTarget: input(),
  };
  const outsider = input();
  const byKind = new Map(
    Object.entries(byName).map(([name, of]) => {
      const { group, kind }: KindName = kinds[name as keyof typeof byName];
      return [kind as string, { group, of }];
    }),
  );
  return {
    ...byName,
    outsider,
    set: (key: ObjectKey, object: MeshObject | undefined): void => {
      const name = `${key.namespace}/${key.name}`;
      const known = byKind.get(key.kind);
      if (known?.group !== key.group) return;
      if (namespaces.has(key.namespace)) known.of.set(name, object);
      else if (known.of === byName.service) outsider.set(name, object);
    },
  };
}

type Routes = Pick<RouteLookup, "httpRoutes" | "tcpRoute">;

function deriveRoutes({ derivations, judged, inputs, frame: { build } }: Part): Routes {
  const groups = judged("routes", (key) =>
    ifPresent(inputs.httpRouteGroup.read(key), (object): Partial<ReturnType<typeof httpRoutesOf>> & WithProblems => {
      const read = readObject(object, httpRouteGroupSchema);
      return "value" in read ? httpRoutesOf({ ...read.value, key: object.key }, build.smiSemantics) : unread(read);
    }),
  );
  const tcpRoutes = judged("tcp", (key) =>
    ifPresent(inputs.tcpRoute.read(key), (object) => {
      const read = readObject(object, tcpRouteSchema);
      return "value" in read
        ? { ports: tcpRoutePortsOf({ ...read.value, key: object.key }), problems: [] }
        : unread(read);
    }),
  );
  derivations.keep(inputs.httpRouteGroup, groups);
  derivations.keep(inputs.tcpRoute, tcpRoutes);
  return {
    httpRoutes: (namespace, name) => {
      const found = groups(`${namespace}/${name}`);
      return found?.routes;
    },
    tcpRoute: (namespace, name) => {
      const found = tcpRoutes(`${namespace}/${name}`);
      return found !== undefined && "ports" in found ? found.ports : undefined;
    },
  };
}

/** The ports of the Services that splits divide, by their keys. `plain`: a Service as it is without splits. */
function deriveSplits(
  { derivations, judged, inputs }: Part,
  { httpRoutes }: Routes,
  plain: (key: string) => SplitRoot | undefined,
): (key: string) => { readonly ports: readonly ServicePort[]; readonly problems: readonly Problem[] } | undefined {
  const read = judged("split", (key) =>
    ifPresent(inputs.trafficSplit.read(key), (object) => {
      const result = readObject(object, trafficSplitSchema);
      return "value" in result ? { split: { ...result.value, key: object.key }, problems: [] } : unread(result);
    }),
  );
  const splitOf = (found: ReturnType<typeof read>): KeyedSplit | undefined =>
    found !== undefined && "split" in found ? found.split : undefined;
  const splitsOf = derivations.gather(
    inputs.trafficSplit,
    read,
    (found): readonly (readonly [string, KeyedSplit])[] => {
      const split = splitOf(found);
      const root = split && rootOf(split);
      return split === undefined || root === undefined ? [] : [[root, split]];
    },
  );
  const orphan = judged("orphan", (key) => {
    const split = splitOf(read(key));
    if (split === undefined) return undefined;
    const root = rootOf(split);
    const isDivided = root !== undefined && plain(root) !== undefined;
    return isDivided ? undefined : { problems: [rootNotFound(split.key, split.spec.service)] };
  });
  derivations.keep(inputs.trafficSplit, orphan);
  return (key) => {
    const splits = splitsOf(key);
    const root = splits.length === 0 ? undefined : plain(key);
    return ifPresent(root, (found) => splitPorts(found, splits, { service: plain, httpRoutes }));
  };
}

function deriveGrants(
  { derivations, judged, inputs, frame }: Part,
  routes: Routes,
): Pick<DerivedMesh, "grantsTo" | "reachOf"> {
  const given = judged("target", (key) =>
    ifPresent(inputs.trafficTarget.read(key), (object): ReturnType<typeof grantOf> => {
      const result = readObject(object, trafficTargetSchema);
      if (!("value" in result)) return unread(result);
      return grantOf({ ...result.value, key: object.key }, { ...routes, semantics: frame.build.smiSemantics });
    }),
  );
  const counts = frame.settings.mode === "enforced";
  const grants = derivations.gather(inputs.trafficTarget, given, (found): readonly (readonly [string, Grant])[] =>
    found?.grant === undefined || !counts ? [] : [[found.grant.to, found.grant]],
  );
  const targets = derivations.gather(
    inputs.trafficTarget,
    given,
    (found): readonly (readonly [string, AccountKey])[] => {
      const grant = counts ? found?.grant : undefined;
      return grant === undefined ? [] : grant.from.map((account) => [account, grant.to]);
    },
  );
  return {
    grantsTo: (accounts) => {
      const [first] = accounts;
      return first !== undefined && accounts.length === 1 ? grants(first) : accounts.flatMap(grants);
    },
    reachOf: (account) => new Set(targets(account)),
  };
}

function unread({ problem }: { readonly problem: Problem }): { readonly problems: readonly Problem[] } {
  return { problems: [problem] };
}
