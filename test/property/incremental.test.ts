import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { contentHash } from "../../shared/core/canonical.ts";
import { createClassTranslator, createCompiler, viewsOf } from "../../shared/core/compile.ts";
import { buildMesh } from "../../shared/core/mesh/build-mesh.ts";
import type { ClassKey } from "../../shared/core/mesh/mesh.ts";
import { type MeshObject, objectKeyText } from "../../shared/core/object.ts";
import type { SmiSemantics } from "../../shared/core/policy/semantics.ts";
import { type SealedResource, type SealedSnapshot, seal, viewOf } from "../../shared/core/snapshot/snapshot.ts";
import { stateEntry } from "../../shared/core/state/cluster-state.ts";
import { trieOf } from "../../shared/core/trie/trie.ts";
import { namespace, pod, service, stateOf } from "../support/build.ts";
import { badBody, cases, clustersOf, oneOf, semantics } from "./clusters.ts";

/** A compiler that remembers what it compiled last gives what everything at once gives. */

const { cluster } = clustersOf({ places: ["a", "b"], names: ["x", "y"], most: 10 });

/** Between one state and the next some objects become what they are in another cluster, go, or cannot be read. */
const change = fc.record({
  pick: fc.nat(),
  how: fc.oneof(oneOf(["other", "other", "first", "gone"] as const), badBody),
});
const changes = fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 });

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function* statesOf(first: readonly MeshObject[], other: readonly MeshObject[], steps: readonly (readonly Change[])[]) {
  const [here, there] = [byText(first), byText(other)];
  const texts = [...new Set([...here.keys(), ...there.keys()])].sort();
  const state = new Map(here);
  yield [...state.values()];
  for (const step of steps) {
    for (const { pick, how } of step) {
      const text = texts[pick % texts.length] ?? "";
      const present = state.get(text) ?? there.get(text) ?? here.get(text);
      const next =
        how === "gone"
          ? undefined
          : how === "other"
            ? there.get(text)
            : how === "first"
              ? here.get(text)
              : present && { ...present, body: how };
      if (next === undefined) state.delete(text);
      else state.set(text, next);
    }
    yield [...state.values()];
  }
}

function byText(objects: readonly MeshObject[]): ReadonlyMap<string, MeshObject> {
  return new Map(objects.map((object) => [objectKeyText(object.key), object]));
}

/** The plain way: no memory, each stage whole. */
function compileWhole(objects: readonly MeshObject[], smiSemantics: SmiSemantics) {
  const { mesh, problems } = buildMesh({ objects, settings: { smiSemantics } });
  return { mesh, problems, snapshot: seal(viewsOf(mesh)) };
}

function contentOf({ index, sets, resources }: SealedSnapshot) {
  const byVersion = [...resources].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    entries: Object.fromEntries(index.entries()),
    sets: [...sets.keys()].sort(),
    resources: byVersion.map(([version, { id, body, causes, references }]) => ({
      version,
      id,
      body: Buffer.from(body),
      causes,
      references,
    })),
  };
}

test("whatever changes between two states, compiling the difference, or one class of it, gives the bytes, causes and problems of compiling everything", () => {
  fc.assert(
    fc.property(cluster, cluster, changes, semantics, (first, other, steps, smiSemantics) => {
      const [compiler, translator] = [createCompiler(), createClassTranslator()];
      const entries = new Map([...first, ...other].map((object) => [object, stateEntry(object)]));
      for (const [position, objects] of [...statesOf(first, other, steps)].entries()) {
        const trie = trieOf(objects.map((object) => entries.get(object) ?? stateEntry(object)));
        const input = { objects: trie, settings: { smiSemantics } };
        const whole = compileWhole(objects, smiSemantics);
        assertSame(compiler.compile(input), whole);
        const classes = objects.filter(({ key }) => key.kind === "WorkloadClass");
        const asked = classes[position % classes.length]?.key;
        if (asked !== undefined)
          assertSameView(translator.translate(input, asked), viewOf(whole.snapshot, asked.name as ClassKey));
      }
    }),
    cases,
  );
});

function assertSame(
  compiled: ReturnType<ReturnType<typeof createCompiler>["compile"]>,
  whole: ReturnType<typeof compileWhole>,
): void {
  assert.deepEqual(compiled.problems, whole.problems);
  const [snapshot, expected] = [compiled.snapshot, whole.snapshot];
  if (snapshot.index.root !== expected.index.root || snapshot.resources.size !== expected.resources.size)
    assert.deepEqual(contentOf(snapshot), contentOf(expected));
  assert.deepEqual(contentOf(snapshot).resources, contentOf(expected).resources);
  assert.equal(snapshot.index.root, expected.index.root);
  assert.deepEqual(compiled.mesh, whole.mesh);
}

/** A translator remembers its last class and gives the next one, of another state. */
function assertSameView(
  view: ReadonlyMap<string, SealedResource> | undefined,
  expected: ReturnType<typeof viewOf>,
): void {
  assert.deepEqual(view && versionsIn(view), expected && Object.fromEntries(expected));
  for (const { body, version } of view?.values() ?? []) assert.equal(contentHash(body), version);
}

function versionsIn(view: ReadonlyMap<string, SealedResource>): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from(view, ([id, { version }]) => [id, version]));
}

test("when the last class goes, so does what everyone had", () => {
  const others = [namespace("shop"), namespace("bank", {}), service("bank/stock", { ports: [80] })];
  const [first, last] = [stateOf([...others, pod("shop/web")]), stateOf(others)];
  const compiler = createCompiler();
  const settings = { smiSemantics: "osm" } as const;
  const compileNext = (objects: readonly MeshObject[]) =>
    compiler.compile({ objects: trieOf(objects.map((object) => stateEntry(object))), settings });
  assert.equal(compileNext(first).snapshot.index.root, compileWhole(first, "osm").snapshot.index.root);
  assert.equal(compileNext(last).snapshot.index.root, compileWhole(last, "osm").snapshot.index.root);
});
