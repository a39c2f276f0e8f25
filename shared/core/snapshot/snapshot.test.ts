import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClassKey, WorkloadClass } from "../mesh/mesh.ts";
import { type Resource, type ResourceId, resourceId } from "../xds/resource.ts";
import { classesOf, compareSnapshots, seal, setRootsOf, versionsOf, viewOf } from "./snapshot.ts";

function resource(name: string, text: string, more: Partial<Resource> = {}): Resource {
  return { type: "cluster", name, variant: "", body: Buffer.from(text), causes: [], references: [], ...more };
}

function viewFor(key: string, resources: readonly Resource[], everyone?: string) {
  return { workload: { key } as unknown as WorkloadClass, resources, ...(everyone !== undefined && { everyone }) };
}

/** More than stand in a class's entry. */
const many = Array.from({ length: 40 }, (_, index) => resource(`shop/s${index}/80`, String(index)));

const shared = resource("shared", "1");
const own = (key: string, text: string): Resource => resource("inbound", text, { type: "listener", variant: key });

test("seal() gives each class its view; equal content is stored once", () => {
  const sealed = seal([
    viewFor("a", [own("a", "x"), shared, resource("same", "1")]),
    viewFor("b", [own("b", "x"), shared, resource("same", "1")]),
  ]);
  assert.deepEqual(classesOf(sealed.index), ["a", "b"]);
  const a = viewOf(sealed, "a" as ClassKey);
  const ids: readonly string[] = [...(a?.keys() ?? [])].sort();
  assert.deepEqual(ids, ["cluster|same|", "cluster|shared|", "listener|inbound|a"]);
  assert.equal(
    a?.get("listener|inbound|a" as ResourceId),
    viewOf(sealed, "b" as ClassKey)?.get("listener|inbound|b" as ResourceId),
  );
  assert.equal(sealed.resources.size, 2);
  assert.deepEqual(versionsOf(sealed.index), new Set(sealed.resources.keys()));
  assert.equal(setRootsOf(sealed.index).size, 0, "a few stand in the classes' entries");
  assert.equal(viewOf(sealed, "c" as ClassKey), undefined);
});

test("seal() gives the same root in whatever order classes and resources come", () => {
  const one = seal([viewFor("a", [own("a", "x"), shared]), viewFor("b", [shared, resource("z", "2")])]);
  const other = seal([viewFor("b", [resource("z", "2"), shared]), viewFor("a", [shared, own("a", "x")])]);
  assert.equal(one.index.root, other.index.root);
});

test("seal() gives classes that share many one set, and leaves it alone when only content changes", () => {
  const before = seal([viewFor("a", [shared, ...many]), viewFor("b", [...many, shared])]);
  const edited = [...many, resource("shared", "2")];
  const after = seal([viewFor("a", edited), viewFor("b", edited)]);
  assert.equal(setRootsOf(before.index).size, 1);
  assert.deepEqual(setRootsOf(before.index), setRootsOf(after.index));
  assert.equal(viewOf(before, "a" as ClassKey)?.size, 41);
  assert.deepEqual(compareSnapshots(before, after), { added: [], changed: ["cluster|shared|"], removed: [] });
});

test("what everyone gets is written at the resources: no class's entry changes when one comes or goes", () => {
  const sealAll = (resources: readonly Resource[]) =>
    seal(["a", "b"].map((key) => viewFor(key, [own(key, key), ...resources], "IPv4")));
  const before = sealAll(many);
  const after = sealAll([shared, ...many.slice(1)]);
  assert.equal(setRootsOf(after.index).size, 0);
  const changed = [...before.index.compare(after.index)].map(({ key }) => key).sort();
  assert.deepEqual(changed, ["shared#resource/cluster|shared|", "shop/s0#resource/cluster|shop/s0/80|"]);
  const view = [...(viewOf(after, "b" as ClassKey)?.keys() ?? [])].sort();
  assert.deepEqual(view, [...many.slice(1), shared, own("b", "b")].map(resourceId).sort());
});

test("classes that are said to get the same and do not, get what is theirs, in whatever order they come", () => {
  const views = [
    viewFor("a", [shared], "IPv4"),
    viewFor("b", [shared, ...many], "IPv4"),
    viewFor("c", [shared], "IPv4"),
  ];
  const sealed = seal(views);
  assert.equal(seal(views.toReversed()).index.root, sealed.index.root);
  for (const { workload, resources } of views) assert.equal(viewOf(sealed, workload.key)?.size, resources.length);
});

test("causes do not change a version or the root", () => {
  const cause = { group: "", kind: "Service", namespace: "shop", name: "cart" };
  const one = seal([viewFor("a", [shared])]);
  const other = seal([viewFor("a", [resource("shared", "1", { causes: [cause] })])]);
  assert.equal(one.index.root, other.index.root);
});

test("seal() throws for a view that is not closed, names something twice, or contradicts another", () => {
  const dangling = resource("a", "1", { references: [{ type: "cluster", name: "gone" }] });
  assert.throws(() => seal([viewFor("a", [dangling])]), /names cluster\|gone, which is not there/);
  const twice = [resource("a", "1", { variant: "x" }), resource("a", "1", { variant: "y" })];
  assert.throws(() => seal([viewFor("a", twice)]), /two resources cluster\|a/);
  assert.throws(() => seal([viewFor("a", [resource("a", "1")]), viewFor("b", [resource("a", "2")])]), /two contents/);
});

test("a reference to what only another class has is not closed", () => {
  const needs = resource("needs", "1", { references: [{ type: "cluster", name: "shared" }] });
  assert.throws(() => seal([viewFor("a", [needs]), viewFor("b", [shared])]), /which is not there/);
  seal([viewFor("a", [needs, shared]), viewFor("b", [shared])]);
});

test("compareSnapshots() tells what came, changed and went", () => {
  const before = seal([viewFor("a", [resource("stays", "1"), resource("changes", "1"), resource("goes", "1")])]);
  const after = seal([viewFor("a", [resource("stays", "1"), resource("changes", "2"), resource("comes", "1")])]);
  assert.deepEqual(compareSnapshots(before, after), {
    added: ["cluster|comes|"],
    changed: ["cluster|changes|"],
    removed: ["cluster|goes|"],
  });
});

test("viewOf() throws for a snapshot that lacks a set or a resource: part of one is never served", () => {
  const sealed = seal([viewFor("a", [shared, ...many])]);
  assert.throws(() => viewOf({ index: sealed.index, sets: new Map() }, "a" as ClassKey), /lacks the set/);
  const index = sealed.index.with([["shared#resource/cluster|shared|", undefined]]);
  assert.throws(() => viewOf({ index, sets: sealed.sets }, "a" as ClassKey), /lacks the resource/);
});
