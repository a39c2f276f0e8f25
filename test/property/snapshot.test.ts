import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { namesIn } from "../../local/proxies/names.ts";
import { contentHash } from "../../shared/core/canonical.ts";
import { accountKey, carriesRequests, type Mesh } from "../../shared/core/mesh/mesh.ts";
import { compareObjectKeys, type MeshObject, objectKeyText } from "../../shared/core/object.ts";
import { compareSnapshots, type SealedSnapshot, versionsOf, viewOf } from "../../shared/core/snapshot/snapshot.ts";
import { objectsOf, stateEntry } from "../../shared/core/state/cluster-state.ts";
import { loadTrie, trieOf } from "../../shared/core/trie/trie.ts";
import { peerNames } from "../../shared/core/xds/peers.ts";
import { type Resource, resourceId } from "../../shared/core/xds/resource.ts";
import { stateOf } from "../support/build.ts";
import { allowed } from "../support/oracle.ts";
import { badBody, cases, clustersOf, requests, semantics } from "./clusters.ts";
import { admits, type ClassView, compileObjects, contentOf, reachedBy, viewsOf } from "./compiled.ts";

/** The properties of design.md §2, of what is compiled. */

const places = ["a", "b"];
const names = ["x", "y"];
const { cluster, object } = clustersOf({ places, names, most: 10 });

test("1. the same objects give the same bytes, in any order, copied, and read back from the blocks of their state", () => {
  const shuffled = cluster.chain((objects) =>
    fc.tuple(fc.constant(objects), fc.shuffledSubarray([...objects], { minLength: objects.length })),
  );
  fc.assert(
    fc.property(shuffled, semantics, ([objects, otherwise], mode) => {
      const { root } = compileObjects(objects, mode).snapshot.index;
      assert.equal(compileObjects(otherwise, mode).snapshot.index.root, root);
      const state = trieOf(otherwise.map(stateEntry));
      const blocks = new Map(state.blocks());
      const loaded = loadTrie(state.root, (hash) => blocks.get(hash));
      assert.ok("trie" in loaded);
      assert.equal(compileObjects(objectsOf(loaded.trie), mode).snapshot.index.root, root);
    }),
    cases,
  );
});

test("2. versions are hashes of the bytes; 3 and 4. what proxies enforce is what the grants give, and nobody gets endpoints of whom he may not reach; 7. a view is closed", () => {
  fc.assert(
    fc.property(cluster, semantics, (objects, mode) => {
      const compilation = compileObjects(objects, mode);
      const views = viewsOf(compilation);
      assertNamed(compilation.snapshot, views);
      for (const view of views.values()) {
        assertEnforces(view, compilation.mesh);
        assertClosed(view);
      }
    }),
    cases,
  );
});

/** 2. Versions are hashes of the bytes, and the snapshot names exactly what the classes get. */
function assertNamed(snapshot: SealedSnapshot, views: ReturnType<typeof viewsOf>): void {
  for (const [version, { body }] of snapshot.resources) assert.equal(version, contentHash(body));
  assert.deepEqual([...versionsOf(snapshot.index)].sort(), [...snapshot.resources.keys()].sort());
  for (const [key, { resources }] of views) {
    const wanted = new Map(resources.map((resource) => [resourceId(resource), contentHash(resource.body)]));
    assert.deepEqual(Object.fromEntries(viewOf(snapshot, key) ?? []), Object.fromEntries(wanted));
  }
}

const accounts = [...places, "out"].flatMap((place) => names.map((name) => accountKey(place, name)));

/** Everything that somebody may try at a port that a class serves. */
function* attemptsOn(mesh: Mesh, view: ClassView) {
  for (const { targetPort, protocol } of view.workload.inbound) {
    for (const from of accounts) {
      for (const request of carriesRequests(protocol) ? requests : [undefined]) {
        const attempt = { from, to: view.workload.account, port: targetPort, ...(request && { request }) };
        const peer = Object.values(peerNames(from, mesh.settings));
        yield { attempt, admitted: admits(view, { names: peer, port: targetPort, ...(request && { request }) }) };
      }
    }
  }
}

/** 3 and 4. What proxies enforce is what the grants give, so mistakes close and more never means less; nobody gets endpoints of whom he may not reach. */
function assertEnforces(view: ClassView, mesh: Mesh): void {
  for (const { attempt, admitted } of attemptsOn(mesh, view))
    assert.equal(admitted, allowed(mesh, attempt), JSON.stringify(attempt));
  if (mesh.settings.mode === "permissive") return;
  for (const account of reachedBy(view))
    assert.ok(mesh.grants.some(({ to, from }) => to === account && from.includes(view.workload.account)));
}

/** What everything rests on: no resource lists them, as all would. Classes are made by the gateway and nobody's mistake. */
const ground: ReadonlySet<string> = new Set(["Namespace", "MeshConfig", "ClusterNetwork", "WorkloadClass"]);

interface Edit {
  readonly before: readonly MeshObject[];
  readonly after: readonly MeshObject[];
  readonly edited: MeshObject["key"];
}

/** One object of a cluster is replaced by another of its kind, made unreadable, taken away or added. */
const edit: fc.Arbitrary<Edit> = fc
  .tuple(cluster, object, fc.nat(), fc.oneof(fc.constantFrom("replaced" as const, "gone" as const), badBody))
  .map(([before, other, pick, how]) => {
    const [added] = stateOf([other]);
    const victims = before.filter(({ key }) => !ground.has(key.kind));
    const victim = victims[pick % victims.length];
    const target = how === "replaced" && added !== undefined && !ground.has(added.key.kind) ? added : victim;
    assert.ok(target);
    const others = before.filter(({ key }) => compareObjectKeys(key, target.key) !== 0);
    const after = how === "gone" ? others : [...others, how === "replaced" ? target : { ...target, body: how }];
    return { before, after, edited: target.key };
  });

test("5. what an edit changes has the edited object among its causes; everything else keeps its version", () => {
  fc.assert(
    fc.property(edit, semantics, ({ before, after, edited }, mode) => {
      const [old, now] = [compileObjects(before, mode), compileObjects(after, mode)];
      const [oldCauses, newCauses] = [causesById(old), causesById(now)];
      const { changed } = compareSnapshots(old.snapshot, now.snapshot);
      const text = objectKeyText(edited);
      for (const id of changed) {
        const causes = new Set([...(oldCauses.get(id) ?? []), ...(newCauses.get(id) ?? [])]);
        assert.ok(causes.has(text), `${id} changed with ${text}, but its causes are ${[...causes].join(", ")}`);
      }
    }),
    cases,
  );
});

function causesById(compilation: ReturnType<typeof compileObjects>): ReadonlyMap<string, readonly string[]> {
  const causes = new Map<string, readonly string[]>();
  for (const { resources } of viewsOf(compilation).values())
    for (const resource of resources) causes.set(resourceId(resource), resource.causes.map(objectKeyText));
  return causes;
}

/** 7. A view is closed: it holds what its bytes name, and all that is declared. */
function assertClosed({ resources }: ClassView): void {
  const present = new Set(resources.map(({ type, name }) => `${type}|${name}`));
  for (const resource of resources) {
    if (resource.type.endsWith("-set") && resource.type !== "headless-set") continue;
    const named = namesOf(resource);
    for (const name of named) assert.ok(present.has(name), `${resourceId(resource)} names ${name}`);
    const declared = new Set(resource.references.map(({ type, name }) => `${type}|${name}`));
    for (const name of named) assert.ok(declared.has(name), `${resourceId(resource)} does not declare ${name}`);
  }
}

/** Names in the bytes, as the snapshot calls them. `identity` is each proxy's own; `invalid-backend` is never defined. */
function namesOf(resource: Resource): readonly string[] {
  const kinds = { endpoint: "endpoint-set", secret: "trust-set" } as Readonly<Record<string, string>>;
  return namesIn(contentOf(resource))
    .filter(({ name }) => name !== "identity" && name !== "invalid-backend")
    .map(({ type, name }) => `${kinds[type] ?? type}|${name}`);
}
