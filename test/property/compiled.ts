import assert from "node:assert/strict";
import type { JsonValue } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import { decodeMessage } from "../../local/proxies/messages.ts";
import { contentHash } from "../../shared/core/canonical.ts";
import { compile } from "../../shared/core/compile.ts";
import type { AccountKey, ClassKey, WorkloadClass } from "../../shared/core/mesh/mesh.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import type { SmiSemantics } from "../../shared/core/policy/semantics.ts";
import type { EndpointSet, TrustSet } from "../../shared/core/xds/fast-sets.ts";
import { type Resource, typeUrls } from "../../shared/core/xds/resource.ts";
import { createTranslator } from "../../shared/core/xds/translate.ts";
import { createMemo } from "../support/memo.ts";
import type { Request } from "../support/oracle.ts";

/** What compiling gives, read back from its bytes by another library than the one that wrote them. */

export function compileObjects(objects: Iterable<MeshObject>, smiSemantics: SmiSemantics): ReturnType<typeof compile> {
  return compile({ objects, settings: { smiSemantics } });
}

/** What a class gets, with causes and references, which the snapshot keeps by version only. */
export function viewsOf({ mesh }: Pick<ReturnType<typeof compile>, "mesh">): ReadonlyMap<ClassKey, ClassView> {
  const translate = createTranslator(mesh);
  return new Map(mesh.workloads.map((workload) => [workload.key, { workload, resources: translate(workload) }]));
}

export interface ClassView {
  readonly workload: WorkloadClass;
  readonly resources: readonly Resource[];
}

const decoded = createMemo<JsonValue>();

/** The content of a resource; JSON for what the fast lane completes. */
export function contentOf({ type, body }: Pick<Resource, "type" | "body">): JsonValue {
  return decoded(`${type} ${contentHash(body)}`, () =>
    type.endsWith("-set")
      ? (JSON.parse(Buffer.from(body).toString()) as JsonValue)
      : decodeMessage(typeUrls[type as keyof typeof typeUrls], body),
  );
}

/** Does what a class got let this peer in, by a request or by a mere connection? */
export function admits(
  { resources }: ClassView,
  { names, port, request }: { readonly names: readonly string[]; readonly port: number; readonly request?: Request },
): boolean {
  const find = (type: Resource["type"], name: string) =>
    resources.find((resource) => resource.type === type && resource.name === name);
  const trust = request === undefined ? find("trust-set", `trust-${port}`) : undefined;
  if (trust !== undefined) {
    const set = contentOf(trust) as unknown as TrustSet;
    return set.names === "any" || set.names.some(({ name }) => names.includes(name));
  }
  const policy = find("extension", request === undefined ? `authz-tcp-${port}` : `authz-${port}`);
  assert.ok(policy, `nothing decides about port ${port}`);
  const { typedConfig } = contentOf(policy) as unknown as { readonly typedConfig: { readonly rules: Rules } };
  return names.some((name) => decide(typedConfig.rules, { name, request }));
}

/** The accounts whose endpoints a class gets. */
export function reachedBy({ resources }: ClassView): ReadonlySet<AccountKey> {
  const sets = resources.filter(({ type }) => type === "endpoint-set");
  return new Set(
    sets.flatMap((set) => (contentOf(set) as unknown as EndpointSet).groups.flatMap(({ accounts }) => accounts)),
  );
}

interface Rules {
  readonly action?: string;
  readonly policies?: Readonly<
    Record<string, { readonly permissions: readonly Permission[]; readonly principals: readonly Principal[] }>
  >;
}

interface Permission {
  readonly any?: boolean;
  readonly andRules?: { readonly rules: readonly Permission[] };
  readonly header?: { readonly name: string; readonly stringMatch: TextMatcher };
  readonly urlPath?: { readonly path: TextMatcher };
}

interface Principal {
  readonly authenticated: { readonly principalName?: TextMatcher };
}

interface TextMatcher {
  readonly exact?: string;
  readonly safeRegex?: { readonly regex?: string };
}

interface Peer {
  readonly name: string;
  readonly request: Request | undefined;
}

/** As Envoy's documentation says of its filter. Without an action it allows what a policy permits. */
function decide({ action = "ALLOW", policies = {} }: Rules, peer: Peer): boolean {
  assert.equal(action, "ALLOW");
  return Object.values(policies).some(
    ({ permissions, principals }) =>
      permissions.some((permission) => permits(permission, peer)) &&
      principals.some(
        ({ authenticated: { principalName } }) => principalName === undefined || matches(principalName, peer.name),
      ),
  );
}

function permits({ any, andRules, header, urlPath, ...unknown }: Permission, peer: Peer): boolean {
  assert.deepEqual(unknown, {});
  if (any !== undefined) return any;
  if (andRules !== undefined) return andRules.rules.every((inner) => permits(inner, peer));
  if (urlPath !== undefined) return matches(urlPath.path, peer.request?.path.split("?")[0]);
  if (header === undefined) throw new Error("a permission says nothing");
  const value = header.name === ":method" ? peer.request?.method : peer.request?.headers?.[header.name];
  return matches(header.stringMatch, value);
}

const expressions = createMemo<RE2JS>();

function matches({ exact, safeRegex }: TextMatcher, text: string | undefined): boolean {
  if (text === undefined) return false;
  if (exact !== undefined) return exact === text;
  assert.ok(safeRegex);
  const { regex = "" } = safeRegex;
  return expressions(regex, () => RE2JS.compile(regex)).matches(text);
}
