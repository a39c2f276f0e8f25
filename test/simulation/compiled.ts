import { contentHash } from "../../shared/core/canonical.ts";
import { type Compilation, compile } from "../../shared/core/compile.ts";
import { buildMesh, type MeshBuildSettings } from "../../shared/core/mesh/build-mesh.ts";
import type { ClassKey } from "../../shared/core/mesh/mesh.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import { viewOf } from "../../shared/core/snapshot/snapshot.ts";
import { objectsOf } from "../../shared/core/state/cluster-state.ts";
import type { View } from "../../shared/core/stream/view.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import { parseResourceId } from "../../shared/core/xds/resource.ts";
import { translate } from "../../shared/core/xds/translate.ts";
import { type EndpointSets, endpointSetsIn } from "./endpoint-checker.ts";

/** What a snapshot is compiled from. */
export interface Inputs {
  readonly state: Trie;
  /** Version of the mesh's settings. */
  readonly settings: number;
}

/** What a proxy of a class gets, but for what the gateway makes of endpoints and secrets. */
export interface CompiledView {
  readonly fingerprint: string;
  readonly endpointSets: EndpointSets;
}

/** What inputs compile to, each compiled once. */
export interface Compiled {
  readonly of: (inputs: Inputs) => Compilation;
  readonly has: (inputs: Inputs, object: MeshObject) => boolean;
  /** Undefined when the mesh has no place for the class. */
  readonly view: (inputs: Inputs, object: MeshObject) => CompiledView | undefined;
}

export function createCompiled(settingsOf: (version: number) => MeshBuildSettings): Compiled {
  const compilations = new Map<string, Compilation>();
  const views = new Map<string, CompiledView | undefined>();
  const keyOf = ({ state, settings }: Inputs): string => `${state.root} ${settingsOf(settings).smiSemantics}`;
  const of = (inputs: Inputs): Compilation => {
    const known =
      compilations.get(keyOf(inputs)) ??
      compile({ objects: objectsOf(inputs.state), settings: settingsOf(inputs.settings) });
    compilations.set(keyOf(inputs), known);
    return known;
  };
  const makeView = (inputs: Inputs, object: MeshObject): CompiledView | undefined => {
    const { snapshot } = of(inputs);
    const members = viewOf(snapshot, object.key.name as ClassKey);
    if (members !== undefined) {
      const listed = [...members].map(([id, version]) => ({ ...parseResourceId(id), version }));
      const bodyOf = (version: (typeof listed)[number]["version"]) => snapshot.resources.get(version)?.body;
      return { fingerprint: fingerprint(listed), endpointSets: endpointSetsIn(listed, bodyOf) };
    }
    const objects = [...objectsOf(inputs.state), object];
    const { mesh } = buildMesh({ objects, settings: settingsOf(inputs.settings) });
    const workload = mesh.workloads.find(({ key }) => key === object.key.name);
    if (workload === undefined) return undefined;
    const made = translate(mesh, workload).map(({ type, name, body }) => ({
      type,
      name,
      body,
      version: contentHash(body),
    }));
    const bodies = new Map(made.map(({ version, body }) => [version, body]));
    return { fingerprint: fingerprint(made), endpointSets: endpointSetsIn(made, (version) => bodies.get(version)) };
  };
  return {
    of,
    has: (inputs, object) => viewOf(of(inputs).snapshot, object.key.name as ClassKey) !== undefined,
    view(inputs, object) {
      const key = `${keyOf(inputs)} ${object.key.name}`;
      if (!views.has(key)) views.set(key, makeView(inputs, object));
      return views.get(key);
    },
  };
}

/** The gateway makes these itself, of endpoints and secrets. */
const fast: ReadonlySet<string> = new Set(["endpoint-set", "trust-set", "headless-set", "endpoint", "secret"]);

interface Member {
  readonly type: string;
  readonly name: string;
  readonly version: string;
}

function fingerprint(members: readonly Member[]): string {
  return members
    .filter(({ type }) => !fast.has(type))
    .map(({ type, name, version }) => `${type}|${name}=${version}`)
    .toSorted()
    .join("\n");
}

export function fingerprintOf(view: View): string {
  const members = Object.entries(view.resources).flatMap(([type, resources]) =>
    [...resources.values()].map(({ name, version }) => ({ type, name, version })),
  );
  return fingerprint(members);
}
