/** Faults that befall the whole server and not one request. */
import type { KubernetesFault } from "./faults.ts";
import type { ObjectStore } from "./store/object-store.ts";

export interface Struck {
  readonly store: ObjectStore;
  /** Breaks all watches. */
  readonly closeWatches: () => void;
  /** The store is another one now: whoever remembers anything of it begins anew. */
  readonly storeReplaced: () => void;
}

/** @throws Error for a fault that needs a request or a change to befall, and for a restore that goes back too far */
export function strike({ store, closeWatches, storeReplaced }: Struck, fault: KubernetesFault): void {
  switch (fault.fault) {
    case "close":
      closeWatches();
      break;
    case "forget":
      store.forget();
      break;
    case "remove":
      store.remove(fault.resource, fault.namespace, fault.name);
      break;
    case "restore":
      store.restore(store.revision - fault.changes);
      closeWatches();
      storeReplaced();
      break;
    default:
      throw new Error(`'${fault.fault}' befalls a request or a change: put it into a plan`);
  }
}
