import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KubernetesObject } from "../object.ts";
import { type Change, createObjectStore } from "./object-store.ts";

const object = (namespace: string, name: string, data = ""): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace, name, uid: name, resourceVersion: "", creationTimestamp: "" },
  data,
});

const names = (objects: readonly KubernetesObject[]): string[] => objects.map(({ metadata }) => metadata.name);

describe("the object store", () => {
  it("gives every write the next revision", () => {
    const store = createObjectStore({ revision: 7 });
    const first = store.put("configmaps", object("a", "x"));
    const second = store.put("configmaps", object("a", "x", "new"));
    const removed = store.remove("configmaps", "a", "x");
    const versions = [first, second, removed].map((each) => each?.metadata.resourceVersion);
    assert.deepEqual([...versions, store.revision], ["8", "9", "10", 10]);
  });

  it("lists by namespace and name", () => {
    const store = createObjectStore();
    for (const [namespace, name] of [
      ["b", "x"],
      ["a", "z"],
      ["a", "y"],
      ["a-b", "w"],
    ] as const) {
      store.put("configmaps", object(namespace, name));
    }
    store.remove("configmaps", "a", "z");
    store.put("configmaps", object("a", "v"));
    assert.deepEqual(names(store.list("configmaps")), ["w", "v", "y", "x"]);
    assert.deepEqual(names(store.list("configmaps", "a")), ["v", "y"]);
    assert.deepEqual(store.list("secrets"), []);
  });

  it("tells subscribers of a change before the write returns", () => {
    const store = createObjectStore();
    const heard: Change[] = [];
    const unsubscribe = store.subscribe((change) => heard.push(change));
    store.put("configmaps", object("a", "x"));
    assert.deepEqual(
      heard.map(({ type, previous }) => [type, previous]),
      [["ADDED", undefined]],
    );
    store.remove("configmaps", "a", "x");
    assert.equal(heard[1]?.previous?.metadata.resourceVersion, heard[0]?.object.metadata.resourceVersion);
    unsubscribe();
    store.put("configmaps", object("a", "x"));
    assert.equal(heard.length, 2);
  });

  it("replays what happened after a revision, as far back as its window", () => {
    const store = createObjectStore({ window: 4, revision: 0 });
    for (let index = 0; index < 20; index += 1) store.put("configmaps", object("a", `x${index}`));
    const revisions = (after: number): number[] | string => {
      const changes = store.since(after);
      return changes === "too-old" ? changes : changes.map(({ revision }) => revision);
    };
    assert.deepEqual(revisions(17), [18, 19, 20]);
    assert.deepEqual(revisions(20), []);
    assert.deepEqual(revisions(99), []);
    assert.equal(revisions(3), "too-old");
    const floor = [...Array(21).keys()].find((after) => revisions(after) !== "too-old") ?? 0;
    assert.ok(20 - floor >= 4, `keeps at least its window, from ${floor}`);
    assert.equal(store.since(floor).length, 20 - floor);
  });
});
