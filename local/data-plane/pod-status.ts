/** A pod's status as kubelet writes it. Pure. */

import type { Pod } from "./kubernetes-objects.ts";
import type { ContainerState, TerminatedState } from "./start-container.ts";

export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  readonly lastTermination: TerminatedState | undefined;
  readonly restarts: number;
  readonly ready: boolean;
}

export interface PodView {
  readonly hostIp: string;
  /** Absent before the pod has a network. */
  readonly podIp?: string;
  readonly startTime: string;
  readonly containers: readonly ContainerView[];
  /** Whether the sidecar is ready; absent for a pod without one. */
  readonly proxyReady?: boolean;
  /** Whether a container that has ended is started again. */
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
}

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly lastTransitionTime: string;
}

export interface PodStatus {
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed";
  readonly conditions: readonly Condition[];
  readonly [field: string]: unknown;
}

/** Condition of our own: the sidecar has its whole first configuration and is not draining. */
const PROXY_READY_CONDITION = "weft.dev/ProxyReady";

/** `before` is the status written last; a condition that did not change keeps its time of change. */
export function buildPodStatus(view: PodView, before: PodStatus | undefined, now: string): PodStatus {
  const phase = phaseOf(view);
  const ready =
    view.containers.length > 0 && view.containers.every((container) => container.ready) && view.proxyReady !== false;
  const hasNetwork = view.podIp !== undefined;
  const ended = phase === "Succeeded" ? "PodCompleted" : undefined;
  const notReady = ended ?? (view.proxyReady === false ? "ProxyNotReady" : "ContainersNotReady");
  const list: readonly (readonly [type: string, holds: boolean, reason?: string])[] = [
    ["PodScheduled", true],
    ["PodReadyToStartContainers", hasNetwork],
    ["Initialized", true],
    ...(view.proxyReady === undefined ? [] : ([[PROXY_READY_CONDITION, view.proxyReady]] as const)),
    ["ContainersReady", ready, notReady],
    ["Ready", ready, notReady],
  ];
  const conditions = list.map(([type, holds, reason]): Condition => {
    const status = holds ? "True" : "False";
    const old = before?.conditions.find((condition) => condition.type === type);
    return {
      type,
      status,
      ...(holds || reason === undefined ? {} : { reason }),
      lastTransitionTime: old?.status === status ? old.lastTransitionTime : now,
    };
  });
  return {
    phase,
    conditions,
    hostIP: view.hostIp,
    hostIPs: [{ ip: view.hostIp }],
    ...(view.podIp === undefined ? {} : { podIP: view.podIp, podIPs: [{ ip: view.podIp }] }),
    startTime: view.startTime,
    qosClass: "BestEffort",
    containerStatuses: view.containers.map(containerStatus),
  };
}

/** The status of a pod that is not run here, and why. */
export function buildRefusedStatus(pod: Pod, { reason, message }: { reason: string; message: string }): object {
  return {
    phase: "Pending",
    reason,
    message,
    containerStatuses: pod.spec.containers.map(({ name, image = "" }) => ({
      name,
      image,
      imageID: "",
      ready: false,
      started: false,
      restartCount: 0,
      state: { waiting: { reason, message } },
    })),
  };
}

function phaseOf({ containers, restartPolicy }: PodView): PodStatus["phase"] {
  const ended = containers.flatMap(({ state }) => (state.kind === "terminated" ? [state.exitCode] : []));
  if (ended.length === containers.length && restartPolicy !== "Always" && ended.length > 0) {
    const failed = ended.some((code) => code !== 0);
    if (!failed) return "Succeeded";
    if (restartPolicy === "Never") return "Failed";
  }
  const begun = containers.every(
    ({ state, lastTermination }) => state.kind !== "waiting" || lastTermination !== undefined,
  );
  return begun && containers.length > 0 ? "Running" : "Pending";
}

function containerStatus({ name, image, state, lastTermination, restarts, ready }: ContainerView): object {
  return {
    name,
    image,
    imageID: "",
    ready,
    started: state.kind === "running",
    restartCount: restarts,
    state: stateBody(state),
    ...(lastTermination === undefined || lastTermination === state ? {} : { lastState: stateBody(lastTermination) }),
  };
}

function stateBody(state: ContainerState): object {
  switch (state.kind) {
    case "waiting":
      return { waiting: { reason: state.reason, ...(state.message === "" ? {} : { message: state.message }) } };
    case "running":
      return { running: { startedAt: state.startedAt } };
    case "terminated": {
      const { exitCode, startedAt, finishedAt } = state;
      return { terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error", startedAt, finishedAt } };
    }
  }
}
