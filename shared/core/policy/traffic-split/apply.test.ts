import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  givenObjects,
  httpRouteGroup,
  type KubernetesObject,
  namespace,
  service,
  trafficSplit,
} from "../../../../test/support/build.ts";
import type { RouteRule } from "../../mesh/mesh.ts";

const frame = [
  namespace("shop"),
  namespace("bank"),
  service("shop/root", { ports: [80, { port: 3306, appProtocol: "tcp" }] }),
  service("shop/v1", {
    ports: [
      { port: 80, targetPort: 8080 },
      { port: 3306, appProtocol: "tcp" },
    ],
  }),
  service("shop/v2", { ports: [80] }),
  service("shop/v3", { ports: [{ port: 80, appProtocol: "tcp" }] }),
  service("bank/v1", { ports: [80] }),
  httpRouteGroup("shop/canary", [
    { name: "header", headers: [{ canary: "yes" }] },
    { name: "path", pathRegex: "/new" },
  ]),
  httpRouteGroup("shop/broken", [{ name: "path", pathRegex: "(" }]),
];

/** Weights by backend of a port of the root, rule by rule; `if` stands for rules with matches. */
function rulesOf(objects: readonly KubernetesObject[], port = 80, root = "shop/root") {
  const { mesh, problems } = givenObjects([...frame, ...objects]);
  const rules =
    mesh.services.find(({ key }) => key === root)?.ports.find((served) => served.port === port)?.rules ?? [];
  const own = problems.filter((problem) => problem !== "regex-invalid HTTPRouteGroup/broken");
  return { rules: rules.map(textOf), problems: [...new Set(own)] };
}

function textOf({ matches, backends }: RouteRule): string {
  const weights = backends.map(({ service: key, weight }) => `${key.slice(5)}=${weight}`).join(" ");
  return matches.length > 0 ? `if ${weights}` : weights;
}

const split = (name: string, shape: Parameters<typeof trafficSplit>[1]) => trafficSplit(`shop/${name}`, shape);

describe("a TrafficSplit", () => {
  test("without one a Service takes all of its own traffic", () => {
    assert.deepEqual(rulesOf([]), { rules: ["root=1"], problems: [] });
  });

  test("divides by weight over the ports of the same number", () => {
    const objects = [split("s", { root: "root", backends: { v2: 0, v1: 5 } })];
    assert.deepEqual(rulesOf(objects), { rules: ["v1=5 v2=0"], problems: ["backend-port-missing TrafficSplit/s"] });
    assert.deepEqual(rulesOf(objects, 3306).rules, ["v1=5"]);
    assert.deepEqual(rulesOf(objects, 80, "shop/v1").rules, ["v1=1"]);
  });

  test("names its root by name or DNS name, in its own namespace", () => {
    for (const root of ["root", "root.shop", "root.shop.svc", "root.shop.svc.cluster.local"]) {
      assert.deepEqual(rulesOf([split("s", { root, backends: { v1: 1 } })]).rules, ["v1=1"]);
    }
    for (const root of ["gone", "root.bank", "root.shop.pod"]) {
      const result = rulesOf([split("s", { root, backends: { v1: 1 } })]);
      assert.deepEqual(result, { rules: ["root=1"], problems: ["split-root-not-found TrafficSplit/s"] });
    }
  });

  test("a backend that does not exist leaves its part to the others", () => {
    const result = rulesOf([split("s", { root: "root", backends: { v1: 1, gone: 99 } })]);
    assert.deepEqual(result, { rules: ["v1=1"], problems: ["backend-not-found TrafficSplit/s"] });
  });

  test("with nobody left nobody is eligible: the root does not step in", () => {
    assert.deepEqual(rulesOf([split("s", { root: "root", backends: { gone: 1 } })]).rules, [""]);
    assert.deepEqual(rulesOf([split("s", { root: "root", backends: { v1: 0 } })]), {
      rules: ["v1=0"],
      problems: ["split-weights-zero TrafficSplit/s"],
    });
    const onTcp = rulesOf([split("s", { root: "root", backends: { v2: 1 } })], 3306);
    assert.deepEqual(onTcp, {
      rules: [""],
      problems: ["backend-port-missing TrafficSplit/s", "split-weights-zero TrafficSplit/s"],
    });
  });

  test("a weight that is no weight counts as 0", () => {
    for (const weight of [-1, 0.5, 1_000_001]) {
      const result = rulesOf([split("s", { root: "root", backends: { v1: weight, root: 1 } })]);
      assert.deepEqual(result.rules, ["root=1 v1=0"]);
      assert.ok(result.problems.includes("backend-weight-invalid TrafficSplit/s"));
    }
  });

  test("a backend that is listed twice has the sum", () => {
    const one = split("s", { root: "root", backends: { v1: 1 } });
    const backends = [1, 2].map((weight) => ({ service: "v1", weight }));
    assert.deepEqual(rulesOf([{ ...one, spec: { ...one.spec, backends } }]).rules, ["v1=3"]);
  });

  test("the root may be its own backend, and a root that is a backend is not divided again", () => {
    const objects = [
      split("s", { root: "root", backends: { root: 1, v1: 1 } }),
      split("t", { root: "v1", backends: { root: 9 } }),
    ];
    assert.deepEqual(rulesOf(objects), { rules: ["root=1 v1=1"], problems: ["split-self-backend TrafficSplit/s"] });
    assert.deepEqual(rulesOf(objects, 80, "shop/v1").rules, ["root=9"]);
  });
});

describe("a TrafficSplit among others, or with matches", () => {
  test("with matches divides what matches any of its groups; the rest goes to the root", () => {
    const objects = [split("s", { root: "root", backends: { v1: 1 }, matches: ["canary", "broken", "gone"] })];
    assert.deepEqual(rulesOf(objects), {
      rules: ["if v1=1", "root=1"],
      problems: ["route-group-not-found TrafficSplit/s", "split-matches-on-tcp TrafficSplit/s"],
    });
    assert.deepEqual(rulesOf(objects, 3306).rules, ["root=1"]);
    const { mesh } = givenObjects([...frame, ...objects]);
    const rule = mesh.services.find(({ name }) => name === "root")?.ports[0]?.rules[0];
    assert.deepEqual(
      [rule?.matches.map(({ path }) => path), rule?.causes.map(({ name }) => name)],
      [
        [".*", "/new"],
        ["broken", "canary", "s"],
      ],
    );
  });

  test("with matches that come to nothing has no effect, rather than on everything", () => {
    for (const matches of [["gone"], ["broken"]]) {
      assert.deepEqual(rulesOf([split("s", { root: "root", backends: { v1: 1 }, matches })]).rules, ["root=1"]);
    }
  });

  test("those with matches come first, oldest first, then the oldest without", () => {
    const objects = [
      split("a", { root: "root", backends: { v1: 1 }, created: 3 }),
      split("b", { root: "root", backends: { v2: 2 }, created: 2 }),
      split("c", { root: "root", backends: { v1: 3 }, matches: ["canary"], created: 5 }),
      split("d", { root: "root", backends: { v1: 4 }, matches: ["canary"], created: 4 }),
    ];
    const result = rulesOf(objects);
    assert.deepEqual(result.rules, ["if v1=4", "if v1=3", "v2=2"]);
    assert.ok(result.problems.includes("split-conflict TrafficSplit/a"));
    assert.ok(!result.problems.includes("split-conflict TrafficSplit/b"));
  });

  test("of the same age the first by name wins", () => {
    const objects = [
      split("b", { root: "root", backends: { v2: 1 }, created: 1 }),
      split("a", { root: "root", backends: { v1: 1 }, created: 1 }),
    ];
    assert.deepEqual(rulesOf(objects).rules, ["v1=1"]);
  });

  test("a backend of another protocol is used, and said", () => {
    const result = rulesOf([split("s", { root: "root", backends: { v3: 1 } })]);
    assert.deepEqual(result.rules, ["v3=1"]);
    assert.ok(result.problems.includes("backend-protocol-differs TrafficSplit/s"));
  });
});
