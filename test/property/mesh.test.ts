import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { RE2JS } from "re2js";
import { canonicalJson, type JsonObject } from "../../shared/core/canonical.ts";
import { buildMesh } from "../../shared/core/mesh/build-mesh.ts";
import { accountKey, carriesRequests, type Mesh, type RouteRule } from "../../shared/core/mesh/mesh.ts";
import { compareObjectKeys, type MeshObject, objectKeyText } from "../../shared/core/object.ts";
import type { SmiSemantics } from "../../shared/core/policy/semantics.ts";
import {
  httpRouteGroup,
  type KubernetesObject,
  meshConfig,
  namespace,
  pod,
  service,
  stateOf,
  tcpRoute,
  trafficSplit,
  trafficTarget,
} from "../support/build.ts";
import { type Attempt, allowed, type Request } from "../support/oracle.ts";

const cases = { numRuns: Number(process.env["WEFT_CASES"] ?? 500) };

const places = ["a", "b", "out"];
const names = ["x", "y", "z"];
const ports = [80, 81, 3306];
const requests: readonly Request[] = [
  { method: "GET", path: "/buy?q=1" },
  { method: "POST", path: "/buy/all" },
  { method: "GET", path: "/", headers: { ":authority": "x.a", v: "1" } },
];

const oneOf = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const fullName = fc
  .tuple(oneOf(["a", "a", "a", "a", "b", "b", "out"]), oneOf(names))
  .map(([place, name]) => `${place}/${name}`);
const created = fc.nat(3);

const port = fc.record(
  {
    port: oneOf(ports),
    targetPort: oneOf<number | string>([80, 81, "web"]),
    name: oneOf(["http-a", "tcp-b", "plain"]),
    appProtocol: oneOf(["http", "grpc", "tcp", "tcp-server-first", "smtp"]),
    protocol: oneOf(["TCP", "UDP"]),
  },
  { requiredKeys: ["port"] },
);

const match = fc.record(
  {
    name: oneOf(["m", "n"]),
    pathRegex: oneOf(["/buy", "/buy.*", "", "/|/buy", "[", "(?=a)"]),
    methods: fc.subarray(["GET", "POST", "*"]),
    headers: oneOf<JsonObject | readonly JsonObject[]>([[{ Host: "x.*" }, { v: "1" }], { v: "[0-9]" }, [{ v: "(" }]]),
  },
  { requiredKeys: ["name"] },
);

const rule = fc.oneof(
  fc.record(
    { kind: fc.constant("HTTPRouteGroup"), name: oneOf(names), matches: fc.subarray(["m", "n", "n", "o"]) },
    { requiredKeys: ["kind", "name"] },
  ),
  fc.record({ kind: oneOf(["TCPRoute", "TCPRoute", "UDPRoute"]), name: oneOf(names) }),
);

const target = fc
  .record({
    to: oneOf(names),
    from: fc.array(fullName, { minLength: 1, maxLength: 3 }),
    rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
  })
  .chain((shape) => fullName.map((name) => trafficTarget(name, shape)));

const object: fc.Arbitrary<KubernetesObject> = fc.oneof(
  fc
    .record({
      ports: fc.uniqueArray(port, { selector: (item) => item.port, maxLength: 3 }),
      app: oneOf(names),
      created,
    })
    .chain(({ app, ...shape }) => fullName.map((name) => service(name, { ...shape, selector: { app } }))),
  fc
    .record({ account: oneOf(names), app: oneOf(names), meshed: fc.boolean() })
    .chain(({ app, ...shape }) =>
      fullName.map((name) => pod(name, { ...shape, labels: { app }, ports: { web: 8080 } })),
    ),
  fc.array(match, { maxLength: 3 }).chain((matches) => fullName.map((name) => httpRouteGroup(name, matches))),
  fc.subarray(ports).chain((list) => fullName.map((name) => tcpRoute(name, list))),
  fc
    .record({
      root: oneOf(names),
      backends: fc.dictionary(oneOf([...names, "gone"]), oneOf([0, 1, 50, -1, 0.5])),
      created,
    })
    .chain((shape) => fullName.map((name) => trafficSplit(name, shape))),
  fc
    .record({
      root: oneOf(names),
      backends: fc.dictionary(oneOf(names), fc.nat(9)),
      matches: fc.subarray(names),
      created,
    })
    .chain((shape) => fullName.map((name) => trafficSplit(name, shape))),
  target,
  target,
  fc
    .tuple(target, oneOf(["sources", "rules"]))
    .map(([one, member]) => ({ ...one, spec: { ...one.spec, [member]: [] } })),
  fc.record({ permissive: fc.nat(3).map((n) => n === 0), egress: fc.boolean() }).map(meshConfig),
);

/** A mesh in which most of what is generated finds what it refers to. */
const frame = [
  namespace("a"),
  namespace("b"),
  namespace("out", {}),
  meshConfig({ permissive: false }),
  ...places.flatMap((place) =>
    names.flatMap((name) => [
      service(`${place}/${name}`, { ports: [80, { port: 3306, appProtocol: "tcp" }], created: 2 }),
      pod(`${place}/${name}`, { ports: { web: 8080 } }),
      httpRouteGroup(`${place}/${name}`, [{ name: "m", pathRegex: "/buy" }, { name: "n" }]),
      tcpRoute(`${place}/${name}`, name === "x" ? [3306] : []),
    ]),
  ),
];

/** Later objects replace those of the same name. */
const cluster = fc.array(object, { maxLength: 25 }).map((objects) => stateOf([...frame, ...objects]));
const semantics = oneOf<SmiSemantics>(["osm", "spec"]);

const build = (objects: Iterable<MeshObject>, smiSemantics: SmiSemantics): ReturnType<typeof buildMesh> =>
  buildMesh({ objects, settings: { smiSemantics } });

const accounts = places.flatMap((place) => names.map((name) => accountKey(place, name)));
const attempts: readonly Attempt[] = accounts.flatMap((from) =>
  accounts.flatMap((to) =>
    ports.flatMap((port) => [{ from, to, port }, ...requests.map((request) => ({ from, to, port, request }))]),
  ),
);

function allowedAttempts(mesh: Mesh): ReadonlySet<Attempt> {
  return new Set(attempts.filter((attempt) => allowed(mesh, attempt)));
}

function assertSubset(smaller: ReadonlySet<Attempt>, larger: ReadonlySet<Attempt>): void {
  assert.deepEqual(
    [...smaller].filter((attempt) => !larger.has(attempt)),
    [],
  );
}

/** None of these is a body of any kind. */
const badBody = oneOf<JsonObject>([
  { refused: { bodyHash: "x", reason: "larger than 900 KB" } },
  { refused: "no name" },
  { spec: 5, labels: 5 },
  { spec: [], labels: [] },
  { spec: "{}", labels: "{}" },
]);

test("the order of the objects does not show, nor does building twice", () => {
  const shuffled = cluster.chain((objects) =>
    fc.tuple(fc.constant(objects), fc.shuffledSubarray([...objects], { minLength: objects.length })),
  );
  fc.assert(
    fc.property(shuffled, semantics, ([objects, otherwise], mode) => {
      const text = JSON.stringify(build(objects, mode));
      assert.equal(JSON.stringify(build(otherwise, mode)), text);
      assert.equal(JSON.stringify(build(structuredClone(objects), mode)), text);
    }),
    cases,
  );
});

test("an object that cannot be read or is gone never allows more, and takes nothing from what does not rest on it", () => {
  fc.assert(
    fc.property(cluster, fc.nat(), fc.option(badBody, { nil: undefined }), semantics, (objects, pick, body, mode) => {
      const before = build(objects, mode);
      const victim = pickVictim(objects, before.mesh, { pick, mayBeSettings: body !== undefined });
      const is = (key: MeshObject["key"]): boolean => compareObjectKeys(key, victim.key) === 0;
      const others = objects.filter(({ key }) => !is(key));
      const after = build(body === undefined ? others : [...others, { ...victim, body }], mode);
      assertSubset(allowedAttempts(after.mesh), allowedAttempts(before.mesh));
      assert.ok(Number(after.mesh.settings.egress) <= Number(before.mesh.settings.egress));
      if (victim.key.kind === "Namespace") return;
      for (const grant of before.mesh.grants.filter(({ causes }) => !causes.some(is))) {
        const same = after.mesh.grants.find(({ source }) => compareObjectKeys(source, grant.source) === 0);
        assert.deepEqual(same, grant);
      }
      assert.deepEqual(servicesOutside(after.mesh, victim), servicesOutside(before.mesh, victim));
      const inMesh = victim.key.kind === "MeshConfig" || victim.key.namespace === "a" || victim.key.namespace === "b";
      assert.equal(
        after.problems.some(({ code, object: key }) => is(key) && code.startsWith("object-")),
        inMesh && body !== undefined,
      );
    }),
    cases,
  );
});

/** Every other time one that something rests on. */
function pickVictim(
  objects: readonly MeshObject[],
  mesh: Mesh,
  { pick, mayBeSettings }: { readonly pick: number; readonly mayBeSettings: boolean },
): MeshObject {
  const eligible = objects.filter(({ key }) => mayBeSettings || key.kind !== "MeshConfig");
  const rules = mesh.services.flatMap((one) => one.ports.flatMap((served) => served.rules));
  const causes = new Set([...mesh.grants, ...rules].flatMap((one) => one.causes.map(objectKeyText)));
  const resting = eligible.filter(({ key }) => causes.has(objectKeyText(key)));
  const from = pick % 2 === 0 && resting.length > 0 ? resting : eligible;
  const victim = from[Math.floor(pick / 2) % from.length];
  assert.ok(victim);
  return victim;
}

function servicesOutside(mesh: Mesh, { key }: MeshObject): Mesh["services"] {
  return mesh.services.filter(({ namespace: place }) => place !== key.namespace);
}

test("a further object that cannot be read changes nothing but the problems", () => {
  const kindsOfObjects = ["Service", "TrafficTarget", "HTTPRouteGroup", "TCPRoute", "TrafficSplit", "WorkloadClass"];
  fc.assert(
    fc.property(cluster, oneOf(kindsOfObjects), badBody, semantics, (objects, kind, body, mode) => {
      const group = stateKeys.find((key) => key.kind === kind)?.group ?? "";
      const odd = { key: { group, kind, namespace: "a", name: "odd" }, uid: "1", body };
      const before = build(objects, mode);
      const after = build([odd, ...objects], mode);
      assert.equal(
        canonicalJson({ ...after.mesh } as unknown as JsonObject),
        canonicalJson({ ...before.mesh } as unknown as JsonObject),
      );
      assert.deepEqual(
        after.problems.filter(({ object }) => compareObjectKeys(object, odd.key) !== 0),
        before.problems,
      );
      assert.equal(after.problems.length, before.problems.length + 1);
    }),
    cases,
  );
});

const stateKeys = stateOf([
  service("a/x", { ports: [80] }),
  trafficTarget("a/x", { to: "x", from: [], rules: [] }),
  httpRouteGroup("a/x", []),
  tcpRoute("a/x"),
  trafficSplit("a/x", { root: "x", backends: {} }),
  pod("a/x"),
]).map(({ key }) => key);

test("another grant never takes from what others gave", () => {
  fc.assert(
    fc.property(cluster, target, semantics, (objects, added, mode) => {
      const further = stateOf([{ ...added, metadata: { ...added.metadata, name: "added" } }]);
      assertSubset(
        allowedAttempts(build(objects, mode).mesh),
        allowedAttempts(build([...objects, ...further], mode).mesh),
      );
    }),
    cases,
  );
});

function isTarget({ key }: MeshObject): boolean {
  return key.kind === "TrafficTarget";
}

test("what is allowed is the union of what each TrafficTarget allows by itself", () => {
  fc.assert(
    fc.property(cluster, semantics, (objects, mode) => {
      const rest = objects.filter((candidate) => !isTarget(candidate));
      const alone = objects.filter(isTarget).map((one) => allowedAttempts(build([...rest, one], mode).mesh));
      const union = new Set([...allowedAttempts(build(rest, mode).mesh), ...alone.flatMap((some) => [...some])]);
      const together = allowedAttempts(build(objects, mode).mesh);
      assertSubset(together, union);
      assertSubset(union, together);
    }),
    cases,
  );
});

test("a mesh is resolved: what it names is there, expressions are RE2, weights are whole, lists are sorted", () => {
  fc.assert(
    fc.property(cluster, semantics, (objects, mode) => {
      const { mesh, problems } = build(objects, mode);
      for (const { ports: servicePorts } of mesh.services) {
        for (const { protocol, rules } of servicePorts) {
          assert.equal(rules.at(-1)?.matches.length, 0);
          assert.ok(rules.slice(0, -1).every(({ matches }) => matches.length > 0 && carriesRequests(protocol)));
          for (const rule of rules) assertResolved(mesh, rule);
        }
      }
      for (const grant of mesh.grants) {
        assert.ok(grant.from.length > 0 && (grant.http !== undefined || grant.tcp !== undefined));
        const listed = grant.http?.requests ?? "any";
        if (listed === "any") continue;
        assert.ok(listed.length > 0);
        for (const { path, headers } of listed)
          for (const text of [path, ...headers.map(({ value }) => value)]) RE2JS.compile(text);
      }
      const sources = mesh.grants.map(({ source }) => objectKeyText(source));
      assert.deepEqual(sources, sources.toSorted());
      const places = mesh.services.map(({ namespace: place, name }) => `${place} ${name}`);
      assert.deepEqual(places, places.toSorted());
      assert.ok(problems.every(({ message }) => message.length > 0));
    }),
    cases,
  );
});

function assertResolved(mesh: Mesh, { backends }: RouteRule): void {
  for (const { service: key, port: number, weight } of backends) {
    assert.ok(
      mesh.services.find((candidate) => candidate.key === key)?.ports.some((candidate) => candidate.port === number),
    );
    assert.ok(Number.isInteger(weight) && weight >= 0);
  }
}
