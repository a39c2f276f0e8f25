import { buildMesh, type MeshBuildSettings } from "../mesh/build-mesh.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { type Problem, sortProblems } from "../mesh/problem.ts";
import { type MeshObject, type ObjectKey, parseObjectKey } from "../object.ts";
import type { SealedSnapshot } from "../snapshot/snapshot.ts";
import { objectsOf, readStateEntry } from "../state/cluster-state.ts";
import type { Trie } from "../trie/trie.ts";
import { createDerivations } from "./derivations.ts";
import { deriveMesh } from "./derived-mesh.ts";
import { deriveViews } from "./derived-views.ts";
import { frameOf, isOfFrame } from "./frame.ts";
import { createOpenSnapshot, type News } from "./open-snapshot.ts";

export interface Compilation {
  /** Built when it is read. */
  readonly mesh: Mesh;
  readonly problems: readonly Problem[];
  /** Of a compiler: `resources` is the compiler's own until it compiles again. */
  readonly snapshot: SealedSnapshot;
  /** Of a compiler: against what it compiled before. */
  readonly news: News;
}

/** Remembers what it compiled last, so that the next state costs only what differs from it; the result is that of compile(), to the byte. */
export interface Compiler {
  compile(input: { readonly objects: Trie; readonly settings: MeshBuildSettings }): Compilation;
}

export function createCompiler(): Compiler {
  let last: { readonly objects: Trie; readonly settings: MeshBuildSettings; readonly cluster: OpenCluster } | undefined;

  const next = ({
    objects,
    settings,
  }: {
    readonly objects: Trie;
    readonly settings: MeshBuildSettings;
  }): OpenCluster => {
    if (last === undefined || last.settings.smiSemantics !== settings.smiSemantics)
      return openCluster([...objectsOf(objects)], settings);
    const changes = [...last.objects.compare(objects)].map(({ key, after }) => changeOf(parseObjectKey(key), after));
    if (changes.some(({ key }) => isOfFrame(key))) return openCluster([...objectsOf(objects)], settings);
    for (const { key, object } of changes) last.cluster.set(key, object);
    return last.cluster;
  };

  return {
    compile(input) {
      const { objects, settings } = input;
      const cluster = next(input);
      // What fails half-way is not built upon.
      last = undefined;
      const compilation = cluster.commit(() => objectsOf(objects));
      last = { objects, settings, cluster };
      return compilation;
    },
  };
}

/** All at once, nothing remembered. */
export function compileOnce(objects: Iterable<MeshObject>, settings: MeshBuildSettings): Compilation {
  const all = [...objects];
  return openCluster(all, settings).commit(() => all);
}

function changeOf(key: ObjectKey, entry: string | undefined) {
  if (entry === undefined) return { key, object: undefined };
  const { uid, body } = readStateEntry(entry);
  return { key, object: { key, uid, body } };
}

interface OpenCluster {
  set(key: ObjectKey, object: MeshObject | undefined): void;
  commit(objects: () => Iterable<MeshObject>): Compilation;
}

function openCluster(objects: readonly MeshObject[], settings: MeshBuildSettings): OpenCluster {
  const frame = frameOf(
    objects.filter(({ key }) => isOfFrame(key)),
    settings,
  );
  const derivations = createDerivations();
  const snapshot = createOpenSnapshot();
  const board = createProblemBoard(frame.problems);
  const mesh = deriveMesh({ derivations, frame, onProblems: board.put });
  deriveViews(derivations, mesh, snapshot);
  for (const object of objects) mesh.set(object.key, object);
  return {
    set: mesh.set,
    commit(all) {
      derivations.settle();
      let built: Mesh | undefined;
      return {
        get mesh() {
          built ??= buildMesh({ objects: all(), settings }).mesh;
          return built;
        },
        problems: board.all(),
        ...snapshot.commit(),
      };
    },
  };
}

/** Problems by the place where they were found. */
function createProblemBoard(always: readonly Problem[]) {
  const places = new Map<string, readonly Problem[]>();
  let sorted: readonly Problem[] | undefined;
  return {
    put: (place: string, problems: readonly Problem[]): void => {
      if (problems.length === 0 && !places.has(place)) return;
      if (problems.length === 0) places.delete(place);
      else places.set(place, problems);
      sorted = undefined;
    },
    all(): readonly Problem[] {
      sorted ??= sortProblems([...always, ...[...places.values()].flat()]);
      return sorted;
    },
  };
}
