import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { allowed, type Request } from "../../../test/support/oracle.ts";
import { type AccountKey, accountKey, type Grant, type HttpMatch } from "../mesh/mesh.ts";
import type { Permission, Principal, RBAC as Rules } from "./gen/envoy/config/rbac/v3/rbac.ts";
import type { HeaderMatcher } from "./gen/envoy/config/route/v3/route_components.ts";
import type { StringMatcher } from "./gen/envoy/type/matcher/v3/string.ts";
import { peerNames } from "./peers.ts";
import { denyAll, httpRules, tcpRules, tcpSources } from "./rbac.ts";

const accounts = ["a", "b", "c"].map((name) => accountKey("shop", name));
const [to = accountKey("", "")] = accounts;
const ports = [80, 8080];
const trustDomain = "cluster.local";

const match: fc.Arbitrary<HttpMatch> = fc.record({
  path: fc.constantFrom(".*", "/", "/a", "/a/.*", "/(a|b)", ""),
  methods: fc.subarray(["GET", "P.ST", "POST"]),
  headers: fc.subarray([
    { name: ":authority", value: "shop.*" },
    { name: "x-tenant", value: "red|blue" },
  ]),
});
const portList = fc.oneof(fc.constant("any" as const), fc.subarray(ports));
const grants: fc.Arbitrary<readonly Grant[]> = fc.array(
  fc.record(
    {
      source: fc.record({
        group: fc.constant(""),
        kind: fc.constantFrom("TrafficTarget", "Other"),
        namespace: fc.constant("shop"),
        name: fc.constantFrom("one", "two"),
      }),
      to: fc.constant(to),
      from: fc.subarray([...accounts], { minLength: 1 }),
      causes: fc.constant([]),
      http: fc.record({
        ports: portList,
        requests: fc.oneof(fc.constant("any" as const), fc.array(match, { minLength: 1, maxLength: 3 })),
      }),
      tcp: fc.record({ ports: portList }),
    },
    { requiredKeys: ["source", "to", "from", "causes"] },
  ),
  { maxLength: 5 },
);
const request: fc.Arbitrary<Request> = fc.record({
  method: fc.constantFrom("GET", "POST", "PAST"),
  path: fc.constantFrom("/", "/a", "/a/b", "/a?q=/", "/b", "/c"),
  headers: fc.record(
    { ":authority": fc.constantFrom("shop", "shop.example", "x"), "x-tenant": fc.constantFrom("red", "reddish") },
    { requiredKeys: [] },
  ),
});

test("the policy of a port allows exactly what some grant gives", () => {
  fc.assert(
    fc.property(
      grants,
      fc.constantFrom(...accounts),
      fc.constantFrom(...ports),
      fc.option(request, { nil: undefined }),
      fc.constantFrom("enforced" as const, "permissive" as const),
      (given, from, port, asked, mode) => {
        const settings = { mode, trustDomain };
        const policy = { settings, grants: given, targetPort: port };
        const rules = asked === undefined ? tcpRules(policy) : httpRules(policy);
        const attempt = { from, to, port, ...(asked !== undefined && { request: asked }) };
        const mesh = { settings, grants: given } as unknown as Parameters<typeof allowed>[0];
        for (const name of Object.values(peerNames(from, settings))) {
          assert.equal(decide(rules, { name, ...(asked !== undefined && { request: asked }) }), allowed(mesh, attempt));
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test("one more grant takes nothing away", () => {
  fc.assert(
    fc.property(grants, grants, fc.constantFrom(...accounts), request, (some, more, from, asked) => {
      const settings = { mode: "enforced" as const, trustDomain };
      const peer = { name: peerNames(from, settings).uri, request: asked };
      const before = decide(httpRules({ settings, grants: some, targetPort: 80 }), peer);
      const after = decide(httpRules({ settings, grants: [...some, ...more], targetPort: 80 }), peer);
      assert.ok(after || !before);
    }),
  );
});

test("tcpSources() are the accounts whose connections the policy of the port allows", () => {
  fc.assert(
    fc.property(grants, fc.constantFrom(...ports), (given, targetPort) => {
      const settings = { mode: "enforced" as const, trustDomain };
      const rules = tcpRules({ settings, grants: given, targetPort });
      const admitted = accounts.filter((account: AccountKey) =>
        decide(rules, { name: peerNames(account, settings).dns }),
      );
      assert.deepEqual(tcpSources({ grants: given, targetPort }), admitted);
    }),
  );
});

test("the default allows nobody", () => {
  assert.equal(decide(denyAll, { name: "spiffe://cluster.local/ns/shop/sa/a" }), false);
});

interface Peer {
  /** One of the names of its certificate. */
  readonly name: string;
  readonly request?: Request;
}

/** What Envoy's filter decides, as its documentation says. */
function decide(rules: Rules, peer: Peer): boolean {
  return Object.values(rules.policies ?? {}).some(
    ({ permissions = [], principals = [] }) =>
      permissions.some((permission) => permits(permission, peer)) && principals.some((one) => isPeer(one, peer)),
  );
}

function isPeer({ identifier }: Principal, peer: Peer): boolean {
  assert.equal(identifier?.$case, "authenticated");
  const { principalName } = identifier.value;
  return principalName === undefined || textMatches(principalName, peer.name);
}

function permits({ rule }: Permission, peer: Peer): boolean {
  switch (rule?.$case) {
    case "any":
      return rule.value;
    case "andRules":
      return (rule.value.rules ?? []).every((inner) => permits(inner, peer));
    case "header":
      return headerMatches(rule.value, peer);
    case "urlPath":
      return textMatches(rule.value.rule?.value, peer.request?.path.split("?")[0]);
    default:
      throw new Error(`unexpected rule ${rule?.$case}`);
  }
}

function headerMatches({ name, headerMatchSpecifier }: HeaderMatcher, { request: asked }: Peer): boolean {
  assert.equal(headerMatchSpecifier?.$case, "stringMatch");
  const value = name === ":method" ? asked?.method : asked?.headers?.[name ?? ""];
  return value !== undefined && textMatches(headerMatchSpecifier.value, value);
}

function textMatches(matcher: StringMatcher | undefined, text: string | undefined): boolean {
  const pattern = matcher?.matchPattern;
  if (text === undefined) return false;
  if (pattern?.$case === "exact") return pattern.value === text;
  assert.equal(pattern?.$case, "safeRegex");
  return RE2JS.compile(pattern.value.regex ?? "").matches(text);
}
