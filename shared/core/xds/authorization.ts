import type { WorkloadClass } from "../mesh/mesh.ts";
import { any, encode, typeUrl } from "./encode.ts";
import { type ExtensionConfigSource } from "./gen/envoy/config/core/v3/config_source.ts";
import { TypedExtensionConfig } from "./gen/envoy/config/core/v3/extension.ts";
import type { Filter } from "./gen/envoy/config/listener/v3/listener_components.ts";
import { RBAC as HttpRbac } from "./gen/envoy/extensions/filters/http/rbac/v3/rbac.ts";
import type { HttpFilter } from "./gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { RBAC as TcpRbac } from "./gen/envoy/extensions/filters/network/rbac/v3/rbac.ts";
import type { Any } from "./gen/google/protobuf/any.ts";
import { authorizationName, portTrustName } from "./names.ts";
import { trustSetOf } from "./peers.ts";
import { denyAll, httpRules, type PortPolicy, tcpRules, tcpSources } from "./rbac.ts";
import type { Resource } from "./resource.ts";
import type { TranslationContext } from "./resource-pool.ts";
import { trustSet } from "./sets.ts";
import { promptAds } from "./sources.ts";

/**
 * The filter that decides about every request, and the policy it fetches by name. It is always there and denies everyone until told otherwise, so a
 * change of policy or mode touches no listener (envoy.md §3).
 */
export interface Authorization<F> {
  readonly filter: () => F;
  readonly resource: Resource;
}

const statPrefix = "mesh_";

export function httpAuthorization(
  context: TranslationContext,
  workload: WorkloadClass,
  targetPort: number,
): Authorization<HttpFilter> {
  const name = authorizationName(targetPort, "http");
  const policy = portPolicy(context, workload, targetPort);
  return {
    filter: () => ({
      name,
      configType: { $case: "configDiscovery", value: discovery(typeUrl(HttpRbac), httpRbac(denyAll)) },
    }),
    resource: extension(context, { name, workload, policy, config: () => httpRbac(httpRules(policy)) }),
  };
}

/** Decides at a connection's first bytes, so it is for protocols in which the client speaks first. */
export function tcpAuthorization(
  context: TranslationContext,
  workload: WorkloadClass,
  targetPort: number,
): Authorization<Filter> {
  const name = authorizationName(targetPort, "tcp");
  const policy = portPolicy(context, workload, targetPort);
  return {
    filter: () => ({
      name,
      configType: { $case: "configDiscovery", value: discovery(typeUrl(TcpRbac), tcpRbac(denyAll)) },
    }),
    resource: extension(context, { name, workload, policy, config: () => tcpRbac(tcpRules(policy)) }),
  };
}

/** The clients of a server-first port, checked in the handshake: later would be after the greeting (envoy.md §3, TCP). */
export function handshakeAuthorization(
  context: TranslationContext,
  workload: WorkloadClass,
  targetPort: number,
): Resource {
  const policy = portPolicy(context, workload, targetPort);
  return trustSet(context, {
    name: portTrustName(targetPort),
    variant: workload.key,
    trust: policy.settings.mode === "permissive" ? { names: "any" } : trustSetOf(tcpSources(policy), policy.settings),
    causes: causesOf(context, policy),
  });
}

function portPolicy({ index }: TranslationContext, workload: WorkloadClass, targetPort: number): PortPolicy {
  return { settings: index.settings, grants: index.grantsTo([workload.account]), targetPort };
}

function extension(
  context: TranslationContext,
  options: {
    readonly name: string;
    readonly workload: WorkloadClass;
    readonly policy: PortPolicy;
    readonly config: () => Any;
  },
): Resource {
  const { name, workload, policy, config } = options;
  const { pool } = context;
  const encoded = (): Uint8Array => encode(TypedExtensionConfig, { name, typedConfig: config() });
  return pool.resource({ type: "extension", name, variant: workload.key }, () => ({
    // Without grants it is the same for whoever serves the port.
    body: policy.settings.mode === "permissive" ? pool.body(name, encoded) : encoded(),
    causes: causesOf(context, policy),
    references: [],
  }));
}

function causesOf({ index }: TranslationContext, { grants }: PortPolicy): Resource["causes"] {
  const { mode, causes } = index.settings;
  if (mode === "permissive") return causes.mode;
  return grants.flatMap(({ source, causes: others }) => (others.includes(source) ? others : [source, ...others]));
}

function discovery(type: string, defaultConfig: Any): ExtensionConfigSource {
  return { configSource: promptAds, defaultConfig, typeUrls: [type] };
}

export function httpRbac(rules: HttpRbac["rules"]): Any {
  return any(HttpRbac, { rules, rulesStatPrefix: statPrefix, trackPerRuleStats: true });
}

export function tcpRbac(rules: TcpRbac["rules"]): Any {
  return any(TcpRbac, { rules, statPrefix });
}
