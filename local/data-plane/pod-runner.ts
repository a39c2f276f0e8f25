/** One pod from its start on this node to its end. */

import { setTimeout as pause } from "node:timers/promises";
import { isRefusal } from "../../gateway/kubernetes/client.ts";
import type { Pod } from "./kubernetes-objects.ts";
import { createLatest } from "./latest.ts";
import { graceMs, type PodContext } from "./pod-context.ts";
import { type PodSandbox, startPodSandbox } from "./pod-sandbox.ts";
import { buildPodStatus, type PodStatus, type PodView } from "./pod-status.ts";

export interface PodRunner {
  /** The pod object changed; a deletion begins the pod's end. */
  readonly update: (pod: Pod) => void;
  /** Ends the pod within the grace, without a word to the API. Resolves when nothing of it is left. */
  readonly stop: (graceMs: number) => Promise<void>;
  /** Resolves when nothing of the pod is left on the node. */
  readonly ended: Promise<void>;
}

const RETRY_MS = { first: 250, most: 10_000 };

/** Runs the pod; what cannot be set up is tried again, and said in the pod's status. */
export function startPodRunner(pod: Pod, context: PodContext): PodRunner {
  const ending = Promise.withResolvers<number>();
  const stop = new AbortController();
  const status = startStatusWriter(pod, context);
  let deleted = false;
  let current: PodSandbox | undefined;

  const end = (grace: number): void => {
    stop.abort();
    ending.resolve(grace);
  };
  const update = (next: Pod): void => {
    if (next.metadata.deletionTimestamp === undefined) return;
    deleted = true;
    end(graceMs(next, context));
  };
  const run = async (): Promise<void> => {
    let wait = RETRY_MS.first;
    while (!stop.signal.aborted) {
      const sandbox = await startPodSandbox(pod, context, status.set).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        context.report(`pod ${pod.metadata.namespace}/${pod.metadata.name}: ${message}`);
        status.fail(message);
      });
      current = sandbox ?? undefined;
      if (sandbox !== undefined) {
        const lost = await liveUntilEnd(sandbox, ending.promise);
        if (!lost) return;
        context.report(`pod ${pod.metadata.namespace}/${pod.metadata.name}: its shim ended, starting it again`);
      }
      await pause(wait, undefined, { signal: stop.signal }).catch(() => {});
      wait = Math.min(wait * 2, RETRY_MS.most);
    }
  };
  const finish = async (): Promise<void> => {
    try {
      await run();
    } finally {
      await status[Symbol.asyncDispose]();
      if (deleted) await confirmDeletion(pod, context);
    }
  };
  update(pod);
  const ended = finish();
  return {
    update,
    ended,
    async stop(grace) {
      end(grace);
      // An end that is under way with a longer grace is cut to this one.
      void current?.end(grace);
      await ended;
    },
  };
}

/** Whether the pod was lost (its shim died) rather than ended. Nothing of the sandbox is left afterwards. */
async function liveUntilEnd(sandbox: PodSandbox, ending: Promise<number>): Promise<boolean> {
  const grace = await Promise.race([ending, sandbox.lost]);
  if (grace !== undefined) await sandbox.end(grace);
  await sandbox[Symbol.asyncDispose]();
  return grace === undefined;
}

/** The kubelet's last word: the API forgets the pod. Tried until it is heard, as nobody else will say it. */
async function confirmDeletion(pod: Pod, context: PodContext): Promise<void> {
  const { name, namespace = "default", uid } = pod.metadata;
  const body = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0, preconditions: { uid } };
  for (let wait = RETRY_MS.first; !context.signal.aborted; wait = Math.min(wait * 2, RETRY_MS.most)) {
    try {
      await context.client.call({ method: "DELETE", path: `/api/v1/namespaces/${namespace}/pods/${name}`, body });
      return;
    } catch (error) {
      // Gone already, or another pod of the same name stands there now.
      if (isRefusal(error, 404) || isRefusal(error, 409)) return;
      await pause(wait, undefined, { signal: context.signal }).catch(() => {});
    }
  }
}

interface StatusWriter extends AsyncDisposable {
  readonly set: (view: PodView) => void;
  /** Says why the pod has not started. */
  readonly fail: (message: string) => void;
}

/** Writes the newest status; equal ones are written once. */
function startStatusWriter(pod: Pod, context: PodContext): StatusWriter {
  const { name, namespace = "default" } = pod.metadata;
  let before: PodStatus | undefined;
  let written = "";
  const latest = createLatest<object>(async (status) => {
    const text = JSON.stringify(status);
    if (text === written) return;
    try {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
      await context.client.call({ method: "PATCH", path, body: { status } });
    } catch (error) {
      if (isRefusal(error, 404)) return;
      throw error;
    }
    written = text;
  }, context.report);
  return {
    set(view) {
      before = buildPodStatus(view, before, new Date().toISOString());
      latest.set({ ...before, reason: null, message: null });
    },
    fail(message) {
      latest.set({ phase: "Pending", reason: "CreatePodSandboxError", message });
    },
    [Symbol.asyncDispose]: () => latest[Symbol.asyncDispose](),
  };
}
