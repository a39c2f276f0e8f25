import { pause } from "../../shared/shell/pause.ts";
import { readChecked, writeChecked } from "../disk/checked-file.ts";
import type { Disk } from "../disk/disk.ts";
import { createSignal } from "../signal.ts";
import type { ClusterChange } from "./cluster-objects.ts";
import type { EndpointState } from "./endpoint-state.ts";

export interface SavedEndpointsOptions {
  /** Undefined: nothing is saved. */
  readonly disk: Disk | undefined;
  readonly objects: {
    readonly listed: Promise<void>;
    readonly endpoints: () => EndpointState;
    readonly restore: (saved: EndpointState) => void;
    readonly onChange: (listener: (change: ClusterChange) => void) => Disposable;
  };
  /** How long Kubernetes may take for the first lists. Milliseconds. */
  readonly patience: number;
  /** Least milliseconds between two writes. */
  readonly interval: number;
  readonly fault: (error: unknown) => void;
}

/** The endpoint state on disk: what this process sees, and what the one before it saw. */
export interface SavedEndpoints extends AsyncDisposable {
  /** Resolves when Kubernetes took too long and what was saved stands in; never when it answered, or nothing was saved. */
  readonly restored: Promise<void>;
}

/** Bump it when the shape changes: what another version wrote counts as missing. */
const shape = 1;
const file = "endpoints";

export function startSavedEndpoints(options: SavedEndpointsOptions): SavedEndpoints {
  const { disk, objects, patience, fault } = options;
  if (disk === undefined)
    return { restored: new Promise(() => undefined), [Symbol.asyncDispose]: () => Promise.resolve() };
  const saving = startSaving({ ...options, disk });
  const restored = Promise.withResolvers<void>();
  const restore = async (): Promise<void> => {
    try {
      const saved = await loadEndpoints(disk);
      if (saved === undefined) return;
      objects.restore(saved);
      restored.resolve();
    } catch (error) {
      fault(error);
    }
  };
  const impatient = setTimeout(() => void restore(), patience);
  void objects.listed.then(() => clearTimeout(impatient));
  return {
    restored: restored.promise,
    async [Symbol.asyncDispose]() {
      clearTimeout(impatient);
      await saving[Symbol.asyncDispose]();
    },
  };
}

/** Undefined when nothing was saved, or it is damaged. */
async function loadEndpoints(disk: Disk): Promise<EndpointState | undefined> {
  const stored = (await readChecked(disk, file)) as (EndpointState & { readonly shape: number }) | undefined;
  return stored?.shape === shape ? stored : undefined;
}

/** Saves the endpoint state as it changes, whole, once it is complete. */
function startSaving({
  disk,
  objects,
  interval,
  fault,
}: SavedEndpointsOptions & { readonly disk: Disk }): AsyncDisposable {
  const stop = new AbortController();
  const changed = createSignal();
  let dirty = false;
  let complete = false;
  const mark = (): void => {
    dirty = true;
    if (complete) changed.raise();
  };
  const listening = objects.onChange(mark);
  void objects.listed.then(() => {
    complete = true;
    mark();
  });
  const save = async (): Promise<void> => {
    dirty = false;
    try {
      await writeChecked(disk, file, { shape, ...objects.endpoints() });
    } catch (error) {
      dirty = true;
      fault(error);
    }
  };
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await changed.wait(2 ** 30, stop.signal);
      if (complete && dirty) await save();
      await pause(interval, stop.signal);
    }
  };
  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]();
      stop.abort();
      await running;
      if (complete && dirty) await save();
    },
  };
}
