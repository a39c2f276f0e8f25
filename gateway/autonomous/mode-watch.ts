import type { KubernetesClient } from "../kubernetes/client.ts";
import { startListWatch } from "../kubernetes/list-watch.ts";
import { type ModeNote, modeAnnotation, readModeNote } from "./mode-note.ts";

/** What the publisher says of the mode, as every replica sees it. */
export interface ModeWatch extends AsyncDisposable {
  readonly note: () => ModeNote | undefined;
  /** Resolves when the Lease was looked at once. */
  readonly known: Promise<void>;
}

export function startModeWatch(options: {
  readonly client: KubernetesClient;
  readonly lease: { readonly namespace: string; readonly name: string };
  readonly onNote: () => void;
  readonly fault: (error: Error) => void;
}): ModeWatch {
  let text: string | undefined;
  const known = Promise.withResolvers<void>();
  const take = (annotation: string | undefined): void => {
    if (annotation === text) return;
    text = annotation;
    options.onNote();
  };
  const collection = { group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease", ...options.lease };
  const watch = startListWatch(options.client, collection, {
    replaced(leases) {
      take(leases[0]?.metadata.annotations?.[modeAnnotation]);
      known.resolve();
    },
    applied: (lease) => take(lease.metadata.annotations?.[modeAnnotation]),
    deleted: () => take(undefined),
    fault: options.fault,
  });
  return {
    note: () => readModeNote(text),
    known: known.promise,
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  };
}
