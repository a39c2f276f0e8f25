import { buildMesh, type MeshBuildSettings } from "../mesh/build-mesh.ts";
import type { ClassKey, Mesh } from "../mesh/mesh.ts";
import { type Problem, sortProblems } from "../mesh/problem.ts";
import { type MeshObject, type ObjectKey, parseObjectKey } from "../object.ts";
import { type SealedResource, type SealedSnapshot, viewOf } from "../snapshot/snapshot.ts";
import { objectsOf, readStateEntry } from "../state/cluster-state.ts";
import type { Trie } from "../trie/trie.ts";
import type { ResourceId } from "../xds/resource.ts";
import { createDerivations } from "./derivations.ts";
import { deriveMesh } from "./derived-mesh.ts";
import { deriveViews } from "./derived-views.ts";
import { type Frame, frameOf, isOfFrame } from "./frame.ts";
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

/** A state of a cluster, and how to read it. */
export interface CompilerInput {
  readonly objects: Trie;
  readonly settings: MeshBuildSettings;
}

/** Remembers what it compiled last, so that the next state costs only what differs from it; the result is that of compile(), to the byte. */
export interface Compiler {
  compile(input: CompilerInput): Compilation;
}

export function createCompiler(): Compiler {
  const inStep = createInStep(openCluster);
  return {
    compile: (input) => inStep(input, (cluster) => cluster.commit(() => objectsOf(input.objects))),
  };
}

/** Translates one class at a time, of states that come one after another: what other classes alone have is not made. */
export interface ClassTranslator {
  /** The view of a class that stands in the state, by the key of its object; undefined where the mesh has no place for it. */
  readonly translate: (
    input: CompilerInput,
    workloadClass: ObjectKey,
  ) => ReadonlyMap<ResourceId, SealedResource> | undefined;
  /** What was made for the last class, and would spare the next one the mesh, is given back. */
  readonly forget: () => void;
}

export function createClassTranslator(): ClassTranslator {
  let inStep = createInStep(openForOne);
  return {
    forget: () => {
      inStep = createInStep(openForOne);
    },
    translate: (input, key) =>
      inStep(input, (cluster) => {
        const { snapshot } = cluster.commitOnly(`${key.namespace}/${key.name}`);
        const versions = viewOf(snapshot, key.name as ClassKey);
        if (versions === undefined) return undefined;
        const view = new Map<ResourceId, SealedResource>();
        for (const [id, version] of versions) {
          const resource = snapshot.resources.get(version);
          if (resource !== undefined) view.set(id, resource);
        }
        return view;
      }),
  };
}

/** All at once, nothing remembered. */
export function compileOnce(objects: Iterable<MeshObject>, settings: MeshBuildSettings): Compilation {
  const all = [...objects];
  return openCluster(all, settings).commit(() => all);
}

interface Open {
  readonly set: (key: ObjectKey, object: MeshObject | undefined) => void;
}

/** Brings what was opened for one state to the next: by the objects that differ, or anew, where the frame differs or the last use failed half-way. */
function createInStep<O extends Open>(open: (objects: readonly MeshObject[], settings: MeshBuildSettings) => O) {
  let last: (CompilerInput & { readonly opened: O }) | undefined;

  const bring = ({ objects, settings }: CompilerInput): O => {
    if (last?.settings.smiSemantics !== settings.smiSemantics) return open([...objectsOf(objects)], settings);
    const changes = [...last.objects.compare(objects)].map(({ key, after }) => ({ key: parseObjectKey(key), after }));
    if (changes.some(({ key }) => isOfFrame(key))) return open([...objectsOf(objects)], settings);
    for (const { key, after } of changes) last.opened.set(key, after === undefined ? undefined : objectOf(key, after));
    return last.opened;
  };

  return <R>(input: CompilerInput, use: (opened: O) => R): R => {
    const opened = bring(input);
    last = undefined;
    const result = use(opened);
    last = { ...input, opened };
    return result;
  };
}

function objectOf(key: ObjectKey, entry: string): MeshObject {
  const { uid, body } = readStateEntry(entry);
  return { key, uid, body };
}

interface OpenCluster extends Open {
  commit(objects: () => Iterable<MeshObject>): Compilation;
}

function openCluster(objects: readonly MeshObject[], settings: MeshBuildSettings): OpenCluster {
  const frame = frameIn(objects, settings);
  const derivations = createDerivations();
  const snapshot = createOpenSnapshot();
  const board = createProblemBoard(frame.problems);
  const mesh = deriveMesh({ derivations, frame, onProblems: board.put });
  deriveViews({ derivations, mesh, snapshot, classes: mesh.classes });
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

function openForOne(objects: readonly MeshObject[], settings: MeshBuildSettings) {
  const frame = frameIn(objects, settings);
  const derivations = createDerivations();
  const snapshot = createOpenSnapshot();
  const mesh = deriveMesh({ derivations, frame, onProblems: () => undefined });
  const wanted = derivations.input<boolean>();
  deriveViews({ derivations, mesh, snapshot, classes: wanted });
  for (const object of objects) mesh.set(object.key, object);
  return {
    set: mesh.set,
    commitOnly(key: string) {
      wanted.set(key, true);
      for (const other of wanted.keys()) if (other !== key) wanted.set(other, undefined);
      derivations.settle();
      return snapshot.commit();
    },
  };
}

function frameIn(objects: readonly MeshObject[], settings: MeshBuildSettings): Frame {
  return frameOf(
    objects.filter(({ key }) => isOfFrame(key)),
    settings,
  );
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
