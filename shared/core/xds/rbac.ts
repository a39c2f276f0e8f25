import type { AccountKey, Grant, HttpMatch, MeshSettings } from "../mesh/mesh.ts";
import {
  type Permission,
  type Policy,
  type Principal,
  RBAC_Action,
  RBAC as Rules,
} from "./gen/envoy/config/rbac/v3/rbac.ts";
import { headerMatchers, pathRegex } from "./http-match.ts";
import { peerNames } from "./peers.ts";

/** Who may do what on one target port of an account's workloads, decided per request or connection. */
export interface PortPolicy {
  readonly settings: Pick<MeshSettings, "mode" | "trustDomain">;
  /** All that was given towards the account. */
  readonly grants: readonly Grant[];
  readonly targetPort: number;
}

/** Nobody. */
export const denyAll: Rules = { action: RBAC_Action.ALLOW };

/** Anyone with a certificate of the mesh. */
const allowPeers: Rules = {
  action: RBAC_Action.ALLOW,
  policies: {
    permissive: {
      permissions: [{ rule: { $case: "any", value: true } }],
      principals: [{ identifier: { $case: "authenticated", value: {} } }],
    },
  },
};

/** The union of all grants: what one gives, no other takes away (design.md §2, property 4). */
export function httpRules(policy: PortPolicy): Rules {
  if (policy.settings.mode === "permissive") return allowPeers;
  return rulesOf(policy, (grant) => {
    if (grant.http === undefined || !includesPort(grant.http.ports, policy.targetPort)) return [];
    return grant.http.requests === "any" ? [anything] : grant.http.requests.map(requestPermission);
  });
}

export function tcpRules(policy: PortPolicy): Rules {
  if (policy.settings.mode === "permissive") return allowPeers;
  return rulesOf(policy, (grant) => (admitsTcp(grant, policy.targetPort) ? [anything] : []));
}

/** The accounts that may open connections to a TCP port, sorted, without repeats. */
export function tcpSources(policy: Pick<PortPolicy, "grants" | "targetPort">): readonly AccountKey[] {
  const sources = policy.grants.filter((grant) => admitsTcp(grant, policy.targetPort)).flatMap((grant) => grant.from);
  return [...new Set(sources)].sort();
}

const anything: Permission = { rule: { $case: "any", value: true } };

function rulesOf({ settings, grants }: PortPolicy, permissionsOf: (grant: Grant) => readonly Permission[]): Rules {
  const policies = new Map<string, Policy>();
  for (const grant of grants) {
    const permissions = permissionsOf(grant);
    if (permissions.length === 0 || grant.from.length === 0) continue;
    policies.set(unusedName(policyName(grant), policies), {
      permissions,
      principals: grant.from.flatMap((account) => principalsOf(account, settings)),
    });
  }
  // Map fields are written in the order of insertion. Without a prototype, an object does not take names for its shape.
  const sorted: Record<string, Policy> = Object.create(null);
  for (const [name, policy] of [...policies].sort(([a], [b]) => (a < b ? -1 : 1))) sorted[name] = policy;
  return { action: RBAC_Action.ALLOW, policies: sorted };
}

/** As it stands in Envoy's statistics and logs. */
function policyName({ source }: Grant): string {
  const path = `${source.namespace}/${source.name}`;
  return source.kind === "TrafficTarget" ? path : `${source.kind}/${path}`;
}

/** One object may have given several grants; none may take the place of another. */
function unusedName(name: string, used: ReadonlyMap<string, unknown>): string {
  if (!used.has(name)) return name;
  let number = 2;
  while (used.has(`${name}#${number}`)) number += 1;
  return `${name}#${number}`;
}

/** Either name is enough: OSM's certificates carry only the DNS name (envoy.md §3, principals). */
function principalsOf(account: AccountKey, settings: Pick<MeshSettings, "trustDomain">): readonly Principal[] {
  const { uri, dns } = peerNames(account, settings);
  return [uri, dns].map((name) => ({
    identifier: { $case: "authenticated", value: { principalName: { matchPattern: { $case: "exact", value: name } } } },
  }));
}

function requestPermission(match: HttpMatch): Permission {
  const path = pathRegex(match);
  const rules: Permission[] = [];
  if (path !== undefined) {
    const value = { rule: { $case: "path", value: { matchPattern: { $case: "safeRegex", value: path } } } } as const;
    rules.push({ rule: { $case: "urlPath", value } });
  }
  for (const header of headerMatchers(match)) rules.push({ rule: { $case: "header", value: header } });
  const [first] = rules;
  if (first === undefined) return anything;
  return rules.length === 1 ? first : { rule: { $case: "andRules", value: { rules } } };
}

function admitsTcp(grant: Grant, targetPort: number): boolean {
  return grant.tcp !== undefined && includesPort(grant.tcp.ports, targetPort);
}

function includesPort(ports: "any" | readonly number[], port: number): boolean {
  return ports === "any" || ports.includes(port);
}
