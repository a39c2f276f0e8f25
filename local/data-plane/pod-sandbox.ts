/** What a running pod is made of on this node: namespace, shim, sidecar, containers, readiness. */

import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { buildProgram } from "./build-program.ts";
import type { Container, Pod } from "./kubernetes-objects.ts";
import { logPath, type PodContext } from "./pod-context.ts";
import { createPodNetwork } from "./pod-network.ts";
import type { ContainerView, PodView } from "./pod-status.ts";
import { probeCheck, probeTimes, type Readiness, startReadiness } from "./readiness.ts";
import { commandPath } from "./run-command.ts";
import { type Sidecar, startSidecar } from "./sidecar.ts";
import { type RunningContainer, startContainer } from "./start-container.ts";
import { type PodShim, startPodShim } from "./start-pod-shim.ts";

export interface PodSandbox extends AsyncDisposable {
  /** Resolves (with undefined) when the shim died and all programs with it. */
  readonly lost: Promise<undefined>;
  /** Ends the programs in the order of a real pod: inbound draining begins, containers end, then the sidecar. */
  readonly end: (graceMs: number) => Promise<void>;
}

/**
 * Starts everything, in the order of a real pod with an init container for interception: network, sidecar's files and
 * rules, sidecar, containers. `onView` is told whenever what a status shows may have changed. On failure nothing is left.
 */
export async function startPodSandbox(
  pod: Pod,
  context: PodContext,
  onView: (view: PodView) => void,
): Promise<PodSandbox> {
  await using building = new AsyncDisposableStack();
  const startTime = new Date().toISOString();
  const address = context.addresses.take();
  building.defer(() => context.addresses.release(address));
  const directory = `${context.runDir}/pods/${pod.metadata.uid}`;
  await mkdir(directory, { recursive: true, mode: 0o755 });
  building.defer(() => rm(directory, { recursive: true, force: true }));
  const network = building.use(
    await createPodNetwork({
      node: context.node,
      id: pod.metadata.uid.replaceAll("-", "").slice(0, 12),
      address,
      podName: pod.spec.hostname ?? pod.metadata.name,
      podNamespace: pod.metadata.namespace ?? "default",
    }),
  );
  const shim = building.use(await startPodShim(network.namespace, logPath(pod, "shim", context)));

  // Nothing is shown before all parts stand, nor after the end.
  const shown: { now?: () => void } = {};
  const onChange = (): void => shown.now?.();
  const sidecar = await startSidecar({ pod, context, network, shim, directory, onChange });
  building.use(sidecar);
  const parts = pod.spec.containers.map((container) => startPart(container, { pod, context, shim, address, onChange }));
  for (const { running, readiness } of parts) {
    building.defer(async () => running?.stop(0));
    building.use(readiness);
  }

  shown.now = () => {
    onView({
      hostIp: context.node.nodeAddress,
      podIp: address,
      startTime,
      containers: parts.map((part) => part.view()),
      ...(sidecar === undefined ? {} : { proxyReady: sidecar.ready() }),
      restartPolicy: pod.spec.restartPolicy ?? "Always",
    });
  };
  onChange();
  // Once all containers have done their work the sidecar must not keep the pod alive.
  const containers = parts.flatMap(({ running }) => running ?? []);
  if (containers.length === parts.length && sidecar !== undefined) {
    void Promise.all(containers.map(({ completed }) => completed)).then(() => sidecar.stop(0));
  }
  const standing = building.move();
  return {
    lost: shim.closed.then(() => undefined),
    end: (graceMs) => endPrograms(containers, sidecar, graceMs),
    [Symbol.asyncDispose]: () => {
      delete shown.now;
      return standing.disposeAsync();
    },
  };
}

async function endPrograms(
  containers: readonly RunningContainer[],
  sidecar: Sidecar | undefined,
  graceMs: number,
): Promise<void> {
  await sidecar?.drain();
  await Promise.all(containers.map((container) => container.stop(graceMs)));
  await sidecar?.stop(graceMs);
}

interface Part {
  readonly view: () => ContainerView;
  readonly running?: RunningContainer;
  readonly readiness?: Readiness;
}

interface PartOptions {
  readonly pod: Pod;
  readonly context: PodContext;
  readonly shim: PodShim;
  readonly address: string;
  readonly onChange: () => void;
}

/** A container with its probe, or one that waits for ever because it cannot be run here, with the reason. */
function startPart(container: Container, { pod, context, shim, address, onChange }: PartOptions): Part {
  const built = buildProgram(pod, container, {
    podIp: address,
    hostIp: context.node.nodeAddress,
    nodeName: context.settings.nodeName,
    searchPath: `${dirname(process.execPath)}:${commandPath()}`,
    workingDir: context.settings.workingDir,
    logPath: logPath(pod, container.name, context),
  });
  const probe = container.readinessProbe;
  const asked = probe === undefined ? undefined : probeCheck(probe, container);
  const fault = [built, asked].find((part) => part?.ok === false);
  if (fault !== undefined || !built.ok) {
    const message = fault !== undefined && !fault.ok ? fault.message : "";
    return { view: () => refusedView(container, message) };
  }
  const running = startContainer({
    shim,
    program: built.program,
    restartPolicy: pod.spec.restartPolicy ?? "Always",
    restart: context.settings.restart,
    onChange,
  });
  const readiness =
    probe === undefined || asked === undefined || !asked.ok
      ? undefined
      : startProbing({ shim, running, probe, check: asked.check, context, onChange });
  const view = (): ContainerView => {
    const state = running.state();
    return {
      name: container.name,
      image: container.image ?? "",
      state,
      lastTermination: running.lastTermination(),
      restarts: running.restarts(),
      ready: state.kind === "running" && (readiness?.ready() ?? true),
    };
  };
  return readiness === undefined ? { view, running } : { view, running, readiness };
}

function startProbing(options: {
  readonly shim: PodShim;
  readonly running: RunningContainer;
  readonly probe: NonNullable<Container["readinessProbe"]>;
  readonly check: Parameters<PodShim["probe"]>[0];
  readonly context: PodContext;
  readonly onChange: () => void;
}): Readiness {
  const { timeoutMs, ...times } = probeTimes(options.probe, options.context.settings.unreadyProbeMs);
  return startReadiness({
    ...times,
    check: async () =>
      options.running.state().kind === "running" && (await options.shim.probe(options.check, timeoutMs)).ok,
    onChange: options.onChange,
  });
}

function refusedView({ name, image = "" }: Container, message: string): ContainerView {
  const state = { kind: "waiting", reason: "CreateContainerConfigError", message } as const;
  return { name, image, state, lastTermination: undefined, restarts: 0, ready: false };
}
