import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  givenObjects,
  httpRouteGroup,
  type KubernetesObject,
  namespace,
  tcpRoute,
  trafficTarget,
} from "../../../../test/support/build.ts";
import type { Grant } from "../../mesh/mesh.ts";
import type { SmiSemantics } from "../semantics.ts";

const buy = { path: "/buy", methods: [], headers: [] };
const sell = { path: "/sell", methods: ["POST"], headers: [] };

const frame = [
  namespace("shop"),
  namespace("bank"),
  httpRouteGroup("shop/routes", [
    { name: "buy", pathRegex: "/buy" },
    { name: "sell", pathRegex: "/sell", methods: ["POST"] },
    { name: "broken", pathRegex: "(" },
  ]),
  httpRouteGroup("bank/elsewhere", [{ name: "buy" }]),
  tcpRoute("shop/db", [3306, 3307]),
  tcpRoute("shop/cache", [6379, 3306]),
  tcpRoute("shop/all"),
];

const group = (...matches: readonly string[]) => ({ kind: "HTTPRouteGroup", name: "routes", matches });
const bareGroup = { kind: "HTTPRouteGroup", name: "routes" };
const tcp = (name: string) => ({ kind: "TCPRoute", name });

type Rules = Parameters<typeof trafficTarget>[1]["rules"];

interface Outcome {
  readonly gives?: Pick<Grant, "http" | "tcp">;
  readonly problems?: readonly string[];
}

function outcomeOf(rules: Rules, semantics: SmiSemantics): Outcome {
  return outcomeOfTarget(trafficTarget("shop/t", { to: "store", from: ["shop/buyer"], rules }), semantics);
}

function outcomeOfTarget(target: KubernetesObject, semantics: SmiSemantics = "osm"): Outcome {
  const { mesh, problems } = givenObjects([...frame, target], semantics);
  const [grant] = mesh.grants;
  const own = problems.filter((problem) => problem !== "regex-invalid HTTPRouteGroup/routes");
  return {
    ...(grant && { gives: { ...(grant.http && { http: grant.http }), ...(grant.tcp && { tcp: grant.tcp }) } }),
    ...(own.length > 0 && { problems: own.map((problem) => problem.replace(" TrafficTarget/t", "")) }),
  };
}

/** Rules, and what they come to by OSM's reading and by SMI's text. */
const readings: readonly {
  readonly name: string;
  readonly rules: Rules;
  readonly osm: Outcome;
  readonly spec: Outcome;
}[] = [
  {
    name: "requests by name, on every HTTP port and no TCP port",
    rules: [group("sell", "buy")],
    osm: { gives: { http: { ports: "any", requests: [buy, sell] } } },
    spec: { gives: { http: { ports: "any", requests: [buy, sell] } } },
  },
  {
    name: "a group without names",
    rules: [bareGroup],
    osm: { problems: ["route-match-missing"] },
    spec: { gives: { http: { ports: "any", requests: [buy, sell] } } },
  },
  {
    name: "a TCPRoute alone",
    rules: [tcp("db")],
    osm: { gives: { tcp: { ports: [3306, 3307] } } },
    spec: { gives: { http: { ports: [3306, 3307], requests: "any" }, tcp: { ports: [3306, 3307] } } },
  },
  {
    name: "the ports of several TCPRoutes add up",
    rules: [tcp("cache"), tcp("db")],
    osm: { gives: { tcp: { ports: [3306, 3307, 6379] } } },
    spec: { gives: { http: { ports: [3306, 3307, 6379], requests: "any" }, tcp: { ports: [3306, 3307, 6379] } } },
  },
  {
    name: "a TCPRoute without ports means all",
    rules: [tcp("db"), tcp("all")],
    osm: { gives: { tcp: { ports: "any" } } },
    spec: { gives: { http: { ports: "any", requests: "any" }, tcp: { ports: "any" } } },
  },
  {
    name: "requests and ports narrow each other",
    rules: [group("buy"), tcp("db")],
    osm: { gives: { http: { ports: [3306, 3307], requests: [buy] }, tcp: { ports: [3306, 3307] } } },
    spec: { gives: { http: { ports: [3306, 3307], requests: [buy] } } },
  },
  {
    name: "a TCPRoute that does not exist never widens what the group gives",
    rules: [group("buy"), tcp("gone")],
    osm: { problems: ["route-group-not-found"] },
    spec: { problems: ["route-group-not-found"] },
  },
  {
    name: "a group that does not exist never turns into any request",
    rules: [{ kind: "HTTPRouteGroup", name: "gone", matches: ["buy"] }, tcp("db")],
    osm: { gives: { tcp: { ports: [3306, 3307] } }, problems: ["route-group-not-found"] },
    spec: { problems: ["route-group-not-found"] },
  },
  {
    name: "a group of another namespace is not found",
    rules: [{ kind: "HTTPRouteGroup", name: "elsewhere", matches: ["buy"] }],
    osm: { problems: ["route-group-not-found"] },
    spec: { problems: ["route-group-not-found"] },
  },
  {
    name: "of several names those that exist count",
    rules: [group("buy", "gone")],
    osm: { gives: { http: { ports: "any", requests: [buy] } }, problems: ["route-match-not-found"] },
    spec: { gives: { http: { ports: "any", requests: [buy] } }, problems: ["route-match-not-found"] },
  },
  {
    name: "a match with an expression that is not RE2 gives nothing",
    rules: [group("broken")],
    osm: {},
    spec: {},
  },
  {
    name: "a kind of rule that is not enforced gives nothing",
    rules: [{ kind: "UDPRoute", name: "db" }],
    osm: { problems: ["route-kind-unsupported"] },
    spec: { problems: ["route-kind-unsupported"] },
  },
  {
    name: "no rule",
    rules: [],
    osm: { problems: ["rules-missing"] },
    spec: { problems: ["rules-missing"] },
  },
];

describe("a TrafficTarget's rules", () => {
  for (const { name, rules, osm, spec } of readings) {
    test(name, () => {
      assert.deepEqual(outcomeOf(rules, "osm"), osm);
      const open = spec.gives?.http?.requests;
      const opened = open === undefined || open === "any" ? spec : withOpenPaths(spec);
      assert.deepEqual(outcomeOf(rules, "spec"), opened);
    });
  }
});

/** SMI's text leaves the end of a path open. */
function withOpenPaths({ gives, ...rest }: Outcome): Outcome {
  const http = gives?.http;
  const requests = http?.requests;
  if (gives === undefined || http === undefined || requests === undefined || requests === "any") return { ...rest };
  const open = requests.map((match) => ({ ...match, path: `(?:${match.path}).*` }));
  return { gives: { ...gives, http: { ...http, requests: open } }, ...rest };
}

describe("a TrafficTarget's accounts", () => {
  const target = trafficTarget("shop/t", {
    to: "store",
    from: ["bank/teller", "shop/buyer", "bank/teller"],
    rules: [tcp("db")],
  });
  const withSpec = (part: KubernetesObject["spec"]): KubernetesObject => ({
    ...target,
    spec: { ...target.spec, ...part },
  });

  test("sources are sorted and without repeats; causes name what the grant was read from", () => {
    const [grant] = givenObjects([...frame, target]).mesh.grants;
    assert.deepEqual([grant?.to, grant?.from], ["shop/store", ["bank/teller", "shop/buyer"]]);
    assert.deepEqual(
      grant?.causes.map(({ kind, name }) => `${kind}/${name}`),
      ["TrafficTarget/t", "TCPRoute/db"],
    );
  });

  test("a namespace that is left out is the TrafficTarget's own", () => {
    const bare = withSpec({
      destination: { kind: "ServiceAccount", name: "store" },
      sources: [{ kind: "ServiceAccount", name: "buyer" }],
    });
    const [grant] = givenObjects([...frame, bare]).mesh.grants;
    assert.deepEqual([grant?.to, grant?.from], ["shop/store", ["shop/buyer"]]);
  });

  test("a destination in another namespace gives nothing", () => {
    const foreign = withSpec({ destination: { kind: "ServiceAccount", name: "teller", namespace: "bank" } });
    assert.deepEqual(outcomeOfTarget(foreign), { problems: ["target-namespace-mismatch"] });
  });

  test("what is not a ServiceAccount gives nothing; other sources count", () => {
    const user = { kind: "User", name: "me", namespace: "shop" };
    const buyer = { kind: "ServiceAccount", name: "buyer", namespace: "shop" };
    assert.deepEqual(outcomeOfTarget(withSpec({ destination: user })), { problems: ["account-kind-unsupported"] });
    assert.deepEqual(outcomeOfTarget(withSpec({ sources: [user] })), { problems: ["account-kind-unsupported"] });
    assert.deepEqual(outcomeOfTarget(withSpec({ sources: [user, buyer] })), {
      gives: { tcp: { ports: [3306, 3307] } },
      problems: ["account-kind-unsupported"],
    });
  });

  test("no source gives nothing, whether the list is empty, null or absent", () => {
    for (const sources of [[], null, undefined]) {
      assert.deepEqual(outcomeOfTarget(withSpec({ sources })), { problems: ["sources-missing"] });
    }
  });

  test("a name that could spell another account's identity is not read", () => {
    for (const odd of [
      { kind: "ServiceAccount", name: "a", namespace: "b.c" },
      { kind: "ServiceAccount", name: "a/b", namespace: "bank" },
      { kind: "ServiceAccount", name: "*", namespace: "bank" },
    ]) {
      assert.deepEqual(outcomeOfTarget(withSpec({ sources: [odd] })), { problems: ["object-unreadable"] });
    }
  });

  test("outside the mesh a TrafficTarget says nothing", () => {
    const { mesh, problems } = givenObjects([
      namespace("shop", {}),
      trafficTarget("shop/t", { to: "store", from: [], rules: [] }),
    ]);
    assert.deepEqual([mesh.grants, problems], [[], []]);
  });
});
