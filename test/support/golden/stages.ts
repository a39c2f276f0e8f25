import type { KubernetesObject } from "../../../gateway/kubernetes/client.ts";
import { startClusterObjects } from "../../../gateway/kubernetes/cluster-objects.ts";
import { markEvent, nextEvents, type OutboxContext } from "../../../gateway/publish/outbox.ts";
import { viewsOf } from "../../../shared/core/compile.ts";
import type { ClusterEvent, Position } from "../../../shared/core/events/cluster-event.ts";
import { isRejection, parseEvent } from "../../../shared/core/events/parse-event.ts";
import { buildMesh, type MeshBuildSettings } from "../../../shared/core/mesh/build-mesh.ts";
import type { Mesh } from "../../../shared/core/mesh/mesh.ts";
import type { Problem } from "../../../shared/core/mesh/problem.ts";
import { type MeshObject, parseObjectKey } from "../../../shared/core/object.ts";
import {
  type ClusterState,
  emptyClusterState,
  readStateEntry,
  type StateEntry,
} from "../../../shared/core/state/cluster-state.ts";
import { evolve } from "../../../shared/core/state/evolve.ts";
import { emptyTrie } from "../../../shared/core/trie/trie.ts";
import { createStaticCluster } from "./static-cluster.ts";
import { type XdsFile, xdsFileOf } from "./xds-file.ts";

/** Contents of the files of a case, by their names without ending. */
export interface CaseFiles {
  /** Kubernetes objects as the API server has them, pods included. */
  readonly cluster: readonly KubernetesObject[];
  /** Settings of the mesh; OSM's semantics unless given. */
  readonly settings: MeshBuildSettings | undefined;
  readonly events: readonly ClusterEvent[];
  readonly state: StateFile;
  readonly mesh: Mesh;
  readonly problems: readonly ProblemFile[];
  readonly xds: XdsFile;
}

/** `object` is `kind namespace/name`. */
export interface ProblemFile extends Pick<Problem, "code" | "message"> {
  readonly object: string;
}

/** How far the events lead, and the objects by key. */
export interface StateFile {
  readonly applied: Position;
  readonly root: string;
  readonly objects: Readonly<Record<string, StateEntry>>;
}

/** One arrow of the picture in design.md §2, from one file of a case to the next. */
export interface Stage {
  readonly name: keyof CaseFiles;
  readonly from: keyof CaseFiles;
  /** Undefined: there is no such file in this case. */
  readonly make: (read: ReadFile) => unknown;
}

export type ReadFile = <Name extends keyof CaseFiles>(name: Name) => CaseFiles[Name];

/** What a person writes; every other file is made. */
export const inputs: readonly (keyof CaseFiles)[] = ["cluster", "settings"];

export const stages: readonly Stage[] = [
  { name: "events", from: "cluster", make: (read) => eventsOf(read("cluster")) },
  { name: "state", from: "events", make: (read) => stateOf(read("events")) },
  { name: "mesh", from: "state", make: (read) => meshOf(read).mesh },
  { name: "problems", from: "state", make: (read) => problemsOf(meshOf(read).problems) },
  { name: "xds", from: "mesh", make: (read) => xdsOf(read("mesh")) },
];

const time = "2026-01-01T00:00:00Z";

/** The first list of a gateway that finds these objects. What differs from run to run (trace ids) is left out. */
export async function eventsOf(objects: readonly KubernetesObject[]): Promise<readonly ClusterEvent[]> {
  await using cluster = startClusterObjects({
    client: createStaticCluster(objects),
    network: { serviceCidrs: ["10.96.0.0/12"], podCidrs: ["10.244.0.0/16"] },
    classLinger: 60_000,
    fault: (error) => {
      throw error;
    },
  });
  await cluster.listed;
  const context: OutboxContext = {
    mesh: "weft",
    cluster: "golden",
    note: (key) => ({ cause: cluster.note(key)?.cause ?? {}, time }),
    now: () => time,
  };
  const start = { epoch: 1, seq: 1 };
  let published = { objects: emptyTrie, position: start };
  const events = [markEvent(context, start, { type: "ListStarted", reason: "the Lease was won" })];
  while (published.objects.root !== cluster.objects().root) {
    const next = nextEvents(context, published, cluster.objects());
    events.push(...next.events);
    published = next;
  }
  const end = { epoch: 1, seq: published.position.seq + 1 };
  events.push(markEvent(context, end, { type: "ListEnded", state: published.objects.root }));
  return events.map((event): ClusterEvent => {
    const { traceparent, ...rest } = event;
    return traceparent === undefined ? event : rest;
  });
}

function stateOf(events: readonly ClusterEvent[]): StateFile {
  let state: ClusterState = emptyClusterState;
  for (const event of events) {
    const parsed = parseEvent(JSON.stringify(event));
    if (isRejection(parsed)) throw new Error(`event ${event.seq} is rejected: ${parsed.reason}`);
    const { state: next, outcome } = evolve(state, parsed);
    if (outcome.kind !== "applied") throw new Error(`event ${event.seq} is ${outcome.kind}`);
    state = next;
  }
  const entries = [...state.objects.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    applied: state.applied,
    root: state.objects.root,
    objects: Object.fromEntries(entries.map(([key, value]) => [key, readStateEntry(value)])),
  };
}

/** The objects of a state file. */
export function objectsIn({ objects }: StateFile): readonly MeshObject[] {
  return Object.entries(objects).map(([key, { uid, body }]) => ({ key: parseObjectKey(key), uid, body }));
}

function meshOf(read: ReadFile): ReturnType<typeof buildMesh> {
  return buildMesh({ objects: objectsIn(read("state")), settings: settingsOf(read) });
}

export function settingsOf(read: ReadFile): MeshBuildSettings {
  return read("settings") ?? { smiSemantics: "osm" };
}

/** Undefined, so no file, where there are none. */
function problemsOf(problems: readonly Problem[]): CaseFiles["problems"] | undefined {
  if (problems.length === 0) return undefined;
  return problems.map(({ code, object: { kind, namespace, name }, message }) => {
    return { code, object: `${kind} ${namespace}/${name}`, message };
  });
}

function xdsOf(mesh: Mesh): XdsFile {
  return xdsFileOf(viewsOf(mesh));
}
