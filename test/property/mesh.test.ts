import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { RE2JS } from "re2js";
import { canonicalJson, type JsonObject } from "../../shared/core/canonical.ts";
import { buildMesh } from "../../shared/core/mesh/build-mesh.ts";
import { accountKey, carriesRequests, type Mesh, type RouteRule } from "../../shared/core/mesh/mesh.ts";
import { compareObjectKeys, type MeshObject, objectKeyText } from "../../shared/core/object.ts";
import type { SmiSemantics } from "../../shared/core/policy/semantics.ts";
import { httpRouteGroup, pod, service, stateOf, tcpRoute, trafficSplit, trafficTarget } from "../support/build.ts";
import { type Attempt, allowed } from "../support/oracle.ts";
import { badBody, cases, clustersOf, oneOf, ports, requests, semantics } from "./clusters.ts";

const places = ["a", "b", "out"];
const names = ["x", "y", "z"];
const { cluster, target } = clustersOf({ places: ["a", "b"], names, most: 25 });

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
