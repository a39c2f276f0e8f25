import { canonicalJson } from "../../../shared/core/canonical.ts";
import {
  type AccountKey,
  carriesRequests,
  type Grant,
  type HttpMatch,
  type Mesh,
  type Protocol,
  type ServiceKey,
} from "../../../shared/core/mesh/mesh.ts";
import { compareObjectKeys, type ObjectKey, objectKeyText } from "../../../shared/core/object.ts";

/** Who may call whom by policy, as a page shows it. */
export interface AccessModel {
  readonly mode: "permissive" | "enforced";
  readonly egress: boolean;
  /** Policy objects that give something to somebody. */
  readonly grants: number;
  /** Sorted by account. Workloads, and accounts that a policy names. */
  readonly rows: readonly AccessRow[];
  /** Accounts that serve something or that a policy opens. Sorted by account. */
  readonly columns: readonly AccessColumn[];
  /** Everything that policies give, sorted by source, destination, port. */
  readonly allowances: readonly Allowance[];
}

export interface AccessRow {
  readonly from: AccountKey;
  /** False: only policies name this account, no workload runs as it. */
  readonly runs: boolean;
  /** One for each column. */
  readonly cells: readonly AccessCell[];
}

export interface AccessColumn {
  readonly to: AccountKey;
  readonly runs: boolean;
  readonly ports: readonly { readonly targetPort: number; readonly protocol: Protocol }[];
}

/**
 * `all`: every request; `some`: requests that match; `tcp`: connections; `idle`: granted, but nothing serves a port that the grant opens;
 * `open`: nothing is granted, but the mesh is permissive; `closed`: no.
 */
export type AccessLevel = "all" | "some" | "tcp" | "idle" | "open" | "closed";

export interface AccessCell {
  readonly to: AccountKey;
  readonly level: AccessLevel;
  /** A few words; '' when closed or open. */
  readonly text: string;
}

/** What one account may do at one port of another. */
export interface Allowance {
  readonly from: AccountKey;
  readonly to: AccountKey;
  /** Absent: nothing listens there. */
  readonly at?: {
    readonly targetPort: number;
    readonly protocol: Protocol;
    /** The Services that lead to this port. */
    readonly through: readonly { readonly service: ServiceKey; readonly port: number }[];
  };
  /** Absent: connections, whatever they carry. */
  readonly requests?: "any" | readonly HttpMatch[];
  /** The policies that give it. */
  readonly by: readonly ObjectKey[];
}

type Port = NonNullable<Allowance["at"]>;

/** Mesh → who may call whom. Pure. */
export function buildAccess(mesh: Mesh): AccessModel {
  const portsOf = servedPorts(mesh);
  const running = new Set(mesh.workloads.map(({ account }) => account));
  const sources = new Set([...running, ...mesh.grants.flatMap(({ from }) => from)]);
  const destinations = new Set([...portsOf.keys(), ...mesh.grants.map(({ to }) => to)]);
  const allowances = buildAllowances(mesh.grants, portsOf);
  const byPair = Map.groupBy(allowances, ({ from, to }) => pairText(from, to));
  const columns = [...destinations].toSorted().map(
    (to): AccessColumn => ({
      to,
      runs: running.has(to),
      ports: (portsOf.get(to) ?? []).map(({ targetPort, protocol }) => ({ targetPort, protocol })),
    }),
  );
  const rows = [...sources].toSorted().map((from): AccessRow => {
    const cells = columns.map(({ to }) => cellOf(to, byPair.get(pairText(from, to)) ?? [], mesh.settings.mode));
    return { from, runs: running.has(from), cells };
  });
  return {
    mode: mesh.settings.mode,
    egress: mesh.settings.egress,
    grants: mesh.grants.length,
    rows,
    columns,
    allowances,
  };
}

function servedPorts(mesh: Mesh): ReadonlyMap<AccountKey, readonly Port[]> {
  const served = new Map<AccountKey, Map<number, Port>>();
  for (const { account, inbound } of mesh.workloads) {
    const ports = served.get(account) ?? new Map<number, Port>();
    for (const { targetPort, protocol, services } of inbound) {
      const through = [...(ports.get(targetPort)?.through ?? [])];
      for (const { service, port } of services) {
        if (!through.some((known) => known.service === service && known.port === port)) through.push({ service, port });
      }
      ports.set(targetPort, { targetPort, protocol, through: through.toSorted(compareThrough) });
    }
    if (ports.size > 0) served.set(account, ports);
  }
  return new Map([...served].map(([account, ports]) => [account, [...ports.values()].toSorted(comparePorts)]));
}

function buildAllowances(
  grants: readonly Grant[],
  portsOf: ReadonlyMap<AccountKey, readonly Port[]>,
): readonly Allowance[] {
  const single = grants.flatMap((grant) => {
    const effects = (portsOf.get(grant.to) ?? []).flatMap((port) => effectOf(grant, port) ?? []);
    return grant.from.flatMap((from): readonly Allowance[] => {
      const base = { from, to: grant.to, by: [grant.source] };
      return effects.length === 0 ? [base] : effects.map((effect) => ({ ...base, ...effect }));
    });
  });
  const grouped = Map.groupBy(single, ({ from, to, at }) => `${from} ${to} ${portText(at)}`);
  return [...grouped].toSorted(([a], [b]) => compareText(a, b)).map(([, same]) => merge(same));
}

/** What a grant gives at a port, if it covers it. */
function effectOf({ http, tcp }: Grant, at: Port): Pick<Allowance, "at" | "requests"> | undefined {
  if (!carriesRequests(at.protocol)) return tcp !== undefined && covers(tcp.ports, at) ? { at } : undefined;
  return http !== undefined && covers(http.ports, at) ? { at, requests: http.requests } : undefined;
}

function covers(ports: "any" | readonly number[], { targetPort }: Port): boolean {
  return ports === "any" || ports.includes(targetPort);
}

/** Allowances of one pair at one port add up. */
function merge(same: readonly Allowance[]): Allowance {
  const [first] = same;
  if (first === undefined) throw new Error("a group has a member");
  const by = new Map(same.flatMap((each) => each.by.map((key) => [objectKeyText(key), key])));
  const merged = { ...first, by: [...by.values()].toSorted(compareObjectKeys) };
  if (first.requests === undefined) return merged;
  if (same.some(({ requests }) => requests === "any")) return { ...merged, requests: "any" };
  const matches = same.flatMap(({ requests }) => (requests === "any" ? [] : (requests ?? [])));
  const distinct = new Map(matches.map((match) => [canonicalJson(match as never), match]));
  return { ...merged, requests: [...distinct.values()] };
}

function cellOf(to: AccountKey, given: readonly Allowance[], mode: AccessModel["mode"]): AccessCell {
  if (given.length === 0) return { to, level: mode === "permissive" ? "open" : "closed", text: "" };
  const effective = given.filter(({ at }) => at !== undefined);
  if (effective.length === 0) return { to, level: "idle", text: "nothing listens" };
  const http = effective.flatMap<"any" | HttpMatch>(({ requests }) =>
    requests === "any" ? [requests] : (requests ?? []),
  );
  const tcp = effective.filter(({ requests }) => requests === undefined);
  const matches = http.filter((each) => each !== "any");
  const words = [
    ...(http.includes("any") ? ["all HTTP"] : []),
    ...(matches.length > 0 ? [matches.length === 1 ? "1 route" : `${matches.length} routes`] : []),
    ...(tcp.length > 0 ? ["TCP"] : []),
  ];
  const level = http.length === 0 ? "tcp" : matches.length === 0 ? "all" : "some";
  return { to, level, text: words.join(" + ") };
}

function portText(at: Port | undefined): string {
  return at === undefined ? "" : String(at.targetPort).padStart(5, "0");
}

function pairText(from: AccountKey, to: AccountKey): string {
  return `${from} ${to}`;
}

function compareThrough(a: Port["through"][number], b: Port["through"][number]): number {
  return compareText(a.service, b.service) || a.port - b.port;
}

function comparePorts(a: Port, b: Port): number {
  return a.targetPort - b.targetPort;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
