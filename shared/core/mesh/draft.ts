import { type KindName, kindText } from "../events/kinds.ts";
import { type MeshObject, objectKeyText } from "../object.ts";
import type { HttpRoutes } from "../policy/http-route-group/apply.ts";
import type { SmiSemantics } from "../policy/semantics.ts";
import type { TcpRoutePorts } from "../policy/tcp-route/apply.ts";
import type { Grant, MeshSettings, OutsideService, Service, ServiceKey, SettingCauses, WorkloadClass } from "./mesh.ts";
import type { Problem } from "./problem.ts";

export interface MeshBuildSettings {
  /** `osm` unless the mesh's settings say otherwise. */
  readonly smiSemantics: SmiSemantics;
}

/** A mesh in the making: what the steps so far have found. Steps come in the order of the members. */
export interface Draft {
  readonly build: MeshBuildSettings;
  /** Every object of a kind, sorted by key. */
  readonly objects: (kind: KindName) => readonly MeshObject[];
  readonly problems: readonly Problem[];
  /** Names of the namespaces in the mesh. */
  readonly namespaces: ReadonlySet<string>;
  readonly network: Pick<MeshSettings, "trustDomain" | "clusterDomain" | "serviceCidrs" | "podCidrs"> & {
    readonly causes: Pick<SettingCauses, "cidrs">;
  };
  readonly traffic: Pick<MeshSettings, "mode" | "egress" | "tls"> & { readonly causes: Omit<SettingCauses, "cidrs"> };
  readonly services: ReadonlyMap<ServiceKey, DraftService>;
  readonly outside: readonly OutsideService[];
  readonly workloads: readonly WorkloadClass[];
  /** Of all namespaces in the mesh, by `namespace/name`. */
  readonly httpRoutes: ReadonlyMap<string, HttpRoutes>;
  readonly tcpRoutes: ReadonlyMap<string, TcpRoutePorts>;
  readonly grants: readonly Grant[];
}

/** A Service with the time that decides between it and another. */
export interface DraftService extends Service {
  readonly creationTimestamp: string | undefined;
}

/** Adds its part to the draft. Problems are added to those before it; every other member replaces that of the draft. */
export type Step = (draft: Draft) => Partial<Draft>;

export function emptyDraft(objects: Iterable<MeshObject>, build: MeshBuildSettings): Draft {
  const texts = new Map([...objects].map((object) => [objectKeyText(object.key), object]));
  const sorted = [...texts.keys()].sort().flatMap((text) => texts.get(text) ?? []);
  const byKind = Map.groupBy(sorted, ({ key }) => kindText(key));
  return {
    build,
    objects: (kind) => byKind.get(kindText(kind)) ?? [],
    problems: [],
    namespaces: new Set(),
    network: {
      trustDomain: "cluster.local",
      clusterDomain: "cluster.local",
      serviceCidrs: [],
      podCidrs: [],
      causes: { cidrs: [] },
    },
    traffic: {
      mode: "enforced",
      egress: false,
      tls: { minimum: "TLSv1_2", maximum: "TLSv1_3", cipherSuites: [], ecdhCurves: [] },
      causes: { mode: [], egress: [], tls: [] },
    },
    services: new Map(),
    outside: [],
    workloads: [],
    httpRoutes: new Map(),
    tcpRoutes: new Map(),
    grants: [],
  };
}

/** The objects of a kind that stand in a namespace of the mesh; others say nothing and get no problem. */
export function objectsInMesh(draft: Draft, kind: KindName): readonly MeshObject[] {
  return draft.objects(kind).filter(({ key }) => draft.namespaces.has(key.namespace));
}
