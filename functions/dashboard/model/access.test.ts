import assert from "node:assert/strict";
import { test } from "node:test";
import { buildMesh } from "../../../shared/core/mesh/build-mesh.ts";
import type { MeshObject } from "../../../shared/core/object.ts";
import {
  bookstore,
  meshConfigOf,
  serviceOf,
  splitOf,
  storeTarget,
  targetOf,
  workloadOf,
} from "../testdata/bookstore.ts";
import { type AccessModel, buildAccess } from "./access.ts";
import { buildServices } from "./services.ts";

function meshOf(...more: readonly MeshObject[]) {
  const objects = new Map([...bookstore(), ...more].map((object) => [JSON.stringify(object.key), object]));
  return buildMesh({ objects: objects.values(), settings: { smiSemantics: "osm" } }).mesh;
}

/** `from → to: level text` of every cell that says something. */
function cellsOf({ rows }: AccessModel): readonly string[] {
  return rows.flatMap(({ from, cells }) =>
    cells.filter(({ level }) => level !== "closed").map(({ to, level, text }) => `${from} → ${to}: ${level} ${text}`),
  );
}

test("buildAccess() says of each pair of accounts what policies give it", () => {
  assert.deepEqual(cellsOf(buildAccess(meshOf())), [
    "bookbuyer/bookbuyer → bookstore/bookstore-v1: some 2 routes",
    "bookbuyer/bookbuyer → bookstore/bookstore-v2: some 2 routes",
    "bookstore/bookstore-v1 → bookwarehouse/bookwarehouse: some 1 route",
    "bookstore/bookstore-v2 → bookwarehouse/bookwarehouse: some 1 route",
    "bookwarehouse/bookwarehouse → bookwarehouse/mysql: tcp TCP",
  ]);
});

test("buildAccess() names the Services that lead to a port, and adds up what several policies give there", () => {
  const again = targetOf(
    "bookstore/again",
    "bookstore/bookstore-v1",
    ["bookbuyer/bookbuyer"],
    [{ kind: "HTTPRouteGroup", name: "bookstore-service-routes", matches: ["buy-a-book"] }],
  );
  const { allowances } = buildAccess(meshOf(again));
  const [first] = allowances;
  assert.deepEqual(first?.at?.through, [
    { service: "bookstore/bookstore", port: 14_001 },
    { service: "bookstore/bookstore-v1", port: 14_001 },
  ]);
  assert.deepEqual(
    first.by.map(({ name }) => name),
    ["again", "bookbuyer-access-bookstore-v1"],
  );
  assert.equal(first.requests?.length, 2, "the same match of both counts once");
});

test("buildAccess() tells a grant that nothing listens to, and accounts that no workload runs as", () => {
  const access = buildAccess(
    meshOf(
      targetOf(
        "bookstore/ghost",
        "bookstore/ghost",
        ["bookbuyer/unborn"],
        [{ kind: "HTTPRouteGroup", name: "bookstore-service-routes", matches: ["buy-a-book"] }],
      ),
    ),
  );
  assert.ok(cellsOf(access).includes("bookbuyer/unborn → bookstore/ghost: idle nothing listens"));
  assert.deepEqual(
    access.rows.filter(({ runs }) => !runs).map(({ from }) => from),
    ["bookbuyer/unborn"],
  );
  assert.deepEqual(
    access.columns.filter(({ runs }) => !runs).map(({ to }) => to),
    ["bookstore/ghost"],
  );
});

test("buildAccess() of a permissive mesh: open where no policy gives anything", () => {
  const access = buildAccess(meshOf(meshConfigOf("permissive"), storeTarget("v1", ["bookthief/bookthief"])));
  const cells = cellsOf(access);
  assert.equal(cells.length, 24, "every pair");
  assert.ok(cells.includes("bookbuyer/bookbuyer → bookstore/bookstore-v1: open "));
  assert.ok(cells.includes("bookthief/bookthief → bookstore/bookstore-v1: some 2 routes"));
});

test("buildServices() gives shares in percent, divided ports first, and says when nobody is eligible", () => {
  const [half] = buildServices(meshOf());
  assert.equal(half?.service, "bookstore/bookstore");
  assert.deepEqual(
    half.splits[0]?.backends.map(({ service, percent }) => [service, percent]),
    [
      ["bookstore/bookstore-v1", 50],
      ["bookstore/bookstore-v2", 50],
    ],
  );
  const [none] = buildServices(meshOf(splitOf({ "bookstore-v1": 0, "bookstore-v2": 0 })));
  assert.equal(none?.splits[0]?.anybody, false);
  const alone = buildServices(meshOf(serviceOf("bookstore/alone", 80), workloadOf("bookstore/alone", { alone: 80 })));
  assert.deepEqual(alone.find(({ service }) => service === "bookstore/alone")?.splits, []);
});
