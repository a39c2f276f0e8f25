import type { MeshObject } from "../object.ts";
import { type Draft, type DraftService, emptyDraft, type MeshBuildSettings, type Step } from "./draft.ts";
import type { Mesh, Service, WorkloadClass } from "./mesh.ts";
import { type Problem, sortProblems } from "./problem.ts";
import { grants } from "./steps/grants.ts";
import { namespaces } from "./steps/namespaces.ts";
import { network } from "./steps/network.ts";
import { outside } from "./steps/outside.ts";
import { routes } from "./steps/routes.ts";
import { services } from "./steps/services.ts";
import { splits } from "./steps/splits.ts";
import { traffic } from "./steps/traffic.ts";
import { workloads } from "./steps/workloads.ts";

export type { MeshBuildSettings } from "./draft.ts";

/** Each sees what those before it found. */
const steps: readonly Step[] = [namespaces, network, traffic, services, outside, workloads, routes, splits, grants];

/**
 * What a cluster's objects make: the mesh, in neither Kubernetes' words nor Envoy's, and every mistake in them, attached to its object. The order of the
 * objects does not matter. A refused marker in place of a body counts as an object that cannot be read.
 */
export function buildMesh(input: { readonly objects: Iterable<MeshObject>; readonly settings: MeshBuildSettings }): {
  readonly mesh: Mesh;
  readonly problems: readonly Problem[];
} {
  const draft = steps.reduce(takeStep, emptyDraft(input.objects, input.settings));
  return { mesh: meshOf(draft), problems: sortProblems(draft.problems) };
}

function takeStep(draft: Draft, step: Step): Draft {
  const part = step(draft);
  return { ...draft, ...part, problems: [...draft.problems, ...(part.problems ?? [])] };
}

function meshOf({ network, traffic, services, outside, workloads, grants }: Draft): Mesh {
  return {
    settings: { ...network, ...traffic, causes: { ...network.causes, ...traffic.causes } },
    services: [...services.values()].map(withoutAge).toSorted(compareServices),
    outside,
    workloads: workloads.toSorted(compareWorkloads),
    grants,
  };
}

export function withoutAge({ key, namespace, name, addresses, headless, ports, source }: DraftService): Service {
  return { key, namespace, name, addresses, headless, ports, source };
}

function compareServices(a: Service, b: Service): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

function compareWorkloads(a: WorkloadClass, b: WorkloadClass): number {
  return compareText(a.namespace, b.namespace) || compareText(a.account, b.account) || compareText(a.key, b.key);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
