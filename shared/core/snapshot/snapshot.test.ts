import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClassKey, WorkloadClass } from "../mesh/mesh.ts";
import type { Resource, ResourceId } from "../xds/resource.ts";
import { classesOf, compareSnapshots, seal, setRootsOf, versionsOf, viewOf } from "./snapshot.ts";

function resource(name: string, text: string, more: Partial<Resource> = {}): Resource {
  return { type: "cluster", name, variant: "", body: Buffer.from(text), causes: [], references: [], ...more };
}

function viewFor(key: string, resources: readonly Resource[]) {
  return { workload: { key } as unknown as WorkloadClass, resources };
}

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
  assert.equal(setRootsOf(sealed.index).length, 3, "what they share is one set");
  assert.equal(viewOf(sealed, "c" as ClassKey), undefined);
});

test("seal() gives the same root in whatever order classes and resources come", () => {
  const one = seal([viewFor("a", [own("a", "x"), shared]), viewFor("b", [shared, resource("z", "2")])]);
  const other = seal([viewFor("b", [resource("z", "2"), shared]), viewFor("a", [shared, own("a", "x")])]);
  assert.equal(one.index.root, other.index.root);
});

test("seal() leaves the sets alone when only a shared resource's content changes", () => {
  const before = seal([viewFor("a", [shared]), viewFor("b", [shared])]);
  const after = seal([viewFor("a", [resource("shared", "2")]), viewFor("b", [resource("shared", "2")])]);
  assert.deepEqual(setRootsOf(before.index), setRootsOf(after.index));
  assert.deepEqual(compareSnapshots(before, after), { added: [], changed: ["cluster|shared|"], removed: [] });
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
  const sealed = seal([viewFor("a", [shared])]);
  assert.throws(() => viewOf({ index: sealed.index, sets: new Map() }, "a" as ClassKey), /lacks the set/);
  const index = sealed.index.with([["resource/cluster|shared|", undefined]]);
  assert.throws(() => viewOf({ index, sets: sealed.sets }, "a" as ClassKey), /lacks the resource/);
});
