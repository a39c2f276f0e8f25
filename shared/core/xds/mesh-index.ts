import type { AccountKey, Backend, Grant, Mesh, MeshSettings, Service, ServicePort } from "../mesh/mesh.ts";
import { type AccountsSignature, accountsSignature, allAccounts } from "./names.ts";

/** Whom a class may reach: everyone (permissive mode), or these accounts. */
export type Reach = "everyone" | ReadonlySet<AccountKey>;

/** What resources are made from, beside the part of the mesh that they are of. */
export interface MeshLookup {
  readonly settings: MeshSettings;
  /** Throws when the mesh does not have it, which would be our fault: a mesh is resolved. */
  port(backend: Pick<Backend, "service" | "port">): PortOfService;
  /** What was given towards these accounts; nothing in permissive mode, where grants do not count. */
  grantsTo(accounts: readonly AccountKey[]): readonly Grant[];
}

/** Lookups that every class needs; made once for a mesh. */
export interface MeshIndex extends MeshLookup {
  reachOf(account: AccountKey): Reach;
  /** Ports that a class of this reach may dial: those with a backend that it may reach; in permissive mode all. In the order of the mesh. */
  portsWithin(reach: Reach): readonly PortOfService[];
}

export interface PortOfService {
  readonly service: Service;
  readonly port: ServicePort;
  /** Accounts behind all backends of the port, sorted, without repeats. */
  readonly backendAccounts: readonly AccountKey[];
}

/** Those of the accounts behind a port that a class may reach, and what stands for them in names. */
export interface ReachedAccounts {
  readonly accounts: readonly AccountKey[];
  readonly signature: AccountsSignature;
}

export function indexMesh(mesh: Mesh): MeshIndex {
  const { ports, find } = indexPorts(mesh);
  const byAccount = new Map<AccountKey, number[]>();
  for (const [position, { backendAccounts }] of ports.entries()) {
    for (const account of backendAccounts) append(byAccount, account, position);
  }

  const reaches = new Map<AccountKey, Set<AccountKey>>();
  const grants = new Map<AccountKey, Grant[]>();
  for (const grant of mesh.settings.mode === "enforced" ? mesh.grants : []) {
    if (grant.http === undefined && grant.tcp === undefined) continue;
    append(grants, grant.to, grant);
    for (const source of grant.from) {
      const reach = reaches.get(source);
      if (reach === undefined) reaches.set(source, new Set([grant.to]));
      else reach.add(grant.to);
    }
  }

  return {
    settings: mesh.settings,
    port: find,
    reachOf: (account) => (mesh.settings.mode === "permissive" ? "everyone" : (reaches.get(account) ?? new Set())),
    portsWithin: (reach) => {
      if (reach === "everyone") return ports;
      const positions = new Set([...reach].flatMap((account) => byAccount.get(account) ?? []));
      return [...positions].sort((a, b) => a - b).flatMap((position) => ports[position] ?? []);
    },
    grantsTo: (accounts) => accounts.flatMap((account) => grants.get(account) ?? []),
  };
}

/** Accounts behind a port ∩ reach. */
export function reachedAccounts(accounts: readonly AccountKey[], reach: Reach): ReachedAccounts {
  // In permissive mode the name says "whoever it is", so a new account behind the port is news for the fast lane only.
  if (reach === "everyone") return { accounts, signature: allAccounts };
  const reached = accounts.filter((account) => reach.has(account));
  return { accounts: reached, signature: accountsSignature(reached) };
}

function indexPorts(mesh: Mesh): { readonly ports: readonly PortOfService[]; readonly find: MeshIndex["port"] } {
  const accounts = new Map<string, readonly AccountKey[]>();
  for (const service of mesh.services) {
    for (const port of service.ports) accounts.set(portText(service.key, port.port), port.accounts);
  }
  const byKey = new Map<string, PortOfService>();
  for (const service of mesh.services) {
    for (const port of service.ports) {
      const behind = accountsBehind(service, port, (backend) => accounts.get(portText(backend.service, backend.port)));
      byKey.set(portText(service.key, port.port), { service, port, backendAccounts: behind });
    }
  }
  const find: MeshIndex["port"] = (backend) => {
    const port = byKey.get(portText(backend.service, backend.port));
    if (port === undefined) throw new Error(`the mesh has no port ${backend.port} of ${backend.service}`);
    return port;
  };
  return { ports: [...byKey.values()], find };
}

/** Sorted, without repeats: all who answer when this port is dialled. */
export function accountsBehind(
  service: Service,
  port: ServicePort,
  accountsOf: (backend: Pick<Backend, "service" | "port">) => readonly AccountKey[] | undefined,
): readonly AccountKey[] {
  // Whoever dials a headless Service dials a pod: rules cannot lead elsewhere.
  const backends = service.headless
    ? [{ service: service.key, port: port.port }]
    : port.rules.flatMap((rule) => rule.backends);
  const behind = backends.flatMap((backend) => accountsOf(backend) ?? []);
  return behind.length < 2 ? behind : [...new Set(behind)].sort();
}

function portText(service: string, port: number): string {
  return `${service}:${port}`;
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
