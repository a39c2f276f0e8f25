/** Decides which pods run on this node, marks those that get a sidecar, and keeps a runner for each. */

import { randomUUID } from "node:crypto";
import { readExclusions, shouldInject } from "../../gateway/inject/inject-pod.ts";
import { proxyMarks, proxyUuidOf } from "../../gateway/inject/marks.ts";
import { isRefusal } from "../../gateway/kubernetes/client.ts";
import type { KubernetesObject, Pod } from "./kubernetes-objects.ts";
import { graceMs, type PodContext } from "./pod-context.ts";
import { type PodRunner, startPodRunner } from "./pod-runner.ts";
import { buildRefusedStatus } from "./pod-status.ts";

export interface Kubelet extends AsyncDisposable {
  /** Feed it every change of every pod. */
  readonly podChanged: (pod: Pod, gone: boolean) => void;
}

export interface KubeletOptions {
  readonly context: PodContext;
  readonly namespaces: ReadonlyMap<string, KubernetesObject>;
}

const FINISHED: ReadonlySet<string> = new Set(["Succeeded", "Failed"]);

export function startKubelet({ context, namespaces }: KubeletOptions): Kubelet {
  const runners = new Map<string, PodRunner>();
  const admitting = new Map<string, Promise<void>>();

  const run = (pod: Pod): void => {
    const runner = startPodRunner(pod, context);
    runners.set(pod.metadata.uid, runner);
    void runner.ended.then(() => runners.delete(pod.metadata.uid));
  };
  /** Newer states of a pod whose admission is under way are kept for its end. */
  const newest = new Map<string, Pod>();
  const admit = async (pod: Pod): Promise<void> => {
    const { uid } = pod.metadata;
    try {
      const admitted = await admitPod(pod, { context, namespaces });
      const latest = newest.get(uid);
      if (admitted === undefined || latest === undefined || context.signal.aborted) return;
      run(admitted);
      runners.get(uid)?.update(latest);
    } catch (error) {
      if (isRefusal(error, 404)) return;
      context.report(`pod ${pod.metadata.namespace}/${pod.metadata.name}: ${messageOf(error)}`);
    } finally {
      admitting.delete(uid);
      newest.delete(uid);
    }
  };
  return {
    podChanged(pod, gone) {
      const { uid } = pod.metadata;
      const runner = runners.get(uid);
      if (gone) {
        newest.delete(uid);
        // Deleted by force: its programs still get their time, only nobody is told of the end.
        if (runner !== undefined) void runner.stop(graceMs(pod, context));
        return;
      }
      if (runner !== undefined) {
        runner.update(pod);
        return;
      }
      if (admitting.has(uid)) {
        newest.set(uid, pod);
        return;
      }
      if (!belongsHere(pod, context) || context.signal.aborted) return;
      newest.set(uid, pod);
      admitting.set(uid, admit(pod));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(admitting.values());
      await Promise.all([...runners.values()].map((runner) => runner.stop(context.settings.shutdownGraceMs)));
    },
  };
}

function belongsHere({ spec, status }: Pod, { settings }: PodContext): boolean {
  if (FINISHED.has(status?.phase ?? "")) return false;
  return spec.nodeName === undefined || spec.nodeName === "" || spec.nodeName === settings.nodeName;
}

/** The pod bound to this node and marked, or undefined when it must not run; then its status says why. */
async function admitPod(pod: Pod, { context, namespaces }: KubeletOptions): Promise<Pod | undefined> {
  const refused = refusal(pod);
  if (refused !== undefined) return refuse(pod, refused, context);
  const exclusions = readExclusions(pod);
  if (!exclusions.ok) return refuse(pod, { reason: "InjectionRefused", message: exclusions.message }, context);
  if (!pod.spec.nodeName && pod.metadata.deletionTimestamp === undefined) await bind(pod, context);
  if (!context.settings.injectHere || proxyUuidOf(pod.metadata.labels) !== undefined) return pod;
  const namespace = await namespaceOf(pod, { context, namespaces });
  const decision = shouldInject(namespace, pod);
  if (decision.kind === "refuse") {
    return refuse(pod, { reason: "InjectionRefused", message: decision.message }, context);
  }
  return decision.kind === "skip" ? pod : mark(pod, context);
}

/** What a stand-in for kubelet without images and mounts cannot run honestly. */
function refusal({ spec }: Pod): { reason: string; message: string } | undefined {
  const reason = "NotRunHere";
  if (spec.hostNetwork === true) return { reason, message: "pods on the host's network are not run here" };
  if ((spec.initContainers ?? []).length > 0) return { reason, message: "init containers are not run here" };
  return undefined;
}

async function refuse(
  pod: Pod,
  why: { reason: string; message: string },
  { client, report }: PodContext,
): Promise<undefined> {
  const { name, namespace = "default" } = pod.metadata;
  report(`pod ${namespace}/${name} is not run: ${why.message}`);
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
  await client.call({
    method: "PATCH",
    path,
    body: { status: buildRefusedStatus(pod, why) },
  });
}

/** The scheduler's part. An API server without bindings leaves the pod unbound, which changes nothing here. */
async function bind(pod: Pod, { client, settings }: PodContext): Promise<void> {
  const { name, namespace = "default", uid } = pod.metadata;
  const body = {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name, namespace, uid },
    target: { apiVersion: "v1", kind: "Node", name: settings.nodeName },
  };
  try {
    await client.call({ method: "POST", path: `/api/v1/namespaces/${namespace}/pods/${name}/binding`, body });
  } catch (error) {
    const without = isRefusal(error, 409);
    if (!without) throw error;
  }
}

async function namespaceOf(pod: Pod, { context, namespaces }: KubeletOptions): Promise<KubernetesObject> {
  const name = pod.metadata.namespace ?? "default";
  const known = namespaces.get(name);
  if (known !== undefined) return known;
  return (await context.client.call({ method: "GET", path: `/api/v1/namespaces/${name}` })) as KubernetesObject;
}

/** The webhook's part: the labels that say "this pod has a sidecar". */
async function mark(pod: Pod, { client }: PodContext): Promise<Pod> {
  const { name, namespace = "default" } = pod.metadata;
  const body = { metadata: { labels: proxyMarks(randomUUID()) } };
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  return (await client.call({ method: "PATCH", path, body })) as Pod;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
