import { parseJson } from "../../shared/core/parse-json.ts";
import type { HubTailHandlers, OpenHubTail } from "../../shared/ports/event-hub.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { pause } from "../../shared/shell/pause.ts";
import type { SnapshotPointer } from "../../shared/store/documents.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import { isPointerFor } from "../follow/snapshot-pointer.ts";
import type { HeldLease } from "../publish/lease.ts";
import { createSignal } from "../signal.ts";
import type { LeaseWatch } from "./lease-watch.ts";

/** Annotation of the publisher's Lease: the newest pointer that came from the hub. */
const pointerAnnotation = "weft.dev/snapshot";

export interface PointerRelayOptions {
  readonly mesh: string;
  readonly cluster: string;
  /** Name of the publisher's Lease. */
  readonly lease: string;
  readonly leases: Pick<LeaseWatch, "lease" | "onChange">;
  readonly openHubTail: OpenHubTail;
  /** There are other replicas, who want to know; one that seems dead may only be slow. */
  readonly isHeard: () => boolean;
  readonly fault: (error: unknown) => void;
}

/** One replica hears the hub, all hear of its pointers: a consumer group takes five readers only (design.md §4, Following). */
export interface PointerRelay {
  /** What the hub's own tail would tell, from whichever replica hears it. */
  readonly openTail: OpenHubTail;
  /** This replica follows that snapshot, however it heard of it. */
  readonly followed: (snapshot: ServedSnapshot) => void;
  /** Hears the hub and passes on the newest that it heard of, until the Lease is lost. */
  readonly whileLeading: (lease: Pick<HeldLease, "lost" | "annotate">) => Promise<void>;
}

/** Between two writes of the Lease. Milliseconds. */
const distance = 50;
const never = 2 ** 30;

export function createPointerRelay(options: PointerRelayOptions): PointerRelay {
  const tails = new Set<HubTailHandlers>();
  const wake = createSignal();
  let newest: SnapshotPointer | undefined;
  /** What the Lease was told by this process. */
  let passedOn: SnapshotPointer | undefined;
  const tell = (message: unknown): void => {
    for (const { message: hear } of tails) hear(message);
  };
  const note = (pointer: SnapshotPointer): void => {
    if (newest?.incarnation === pointer.incarnation && newest.version >= pointer.version) return;
    newest = pointer;
    wake.raise();
  };
  return {
    openTail(handlers) {
      tails.add(handlers);
      let told: string | undefined;
      const watching = options.leases.onChange((name) => {
        const text = name === options.lease ? options.leases.lease(name)?.annotations[pointerAnnotation] : undefined;
        if (text === undefined || text === told) return;
        told = text;
        // Anybody who may write Leases may write nonsense: the follower looks at what comes.
        handlers.message(parseJson(text));
      });
      return {
        async [Symbol.asyncDispose]() {
          tails.delete(handlers);
          watching[Symbol.dispose]();
        },
      };
    },
    followed({ incarnation, version, served: { root } }) {
      note({ mesh: options.mesh, cluster: options.cluster, incarnation, version, root });
    },
    async whileLeading(lease) {
      await using _ = options.openHubTail({
        message(message) {
          if (!isPointerFor(message, options)) return;
          tell(message);
          note(message);
        },
        fault: options.fault,
      });
      // Another replica that came late may have missed what came before its Lease was seen.
      using _leases = options.leases.onChange((name) => name !== options.lease && wake.raise());
      for (;;) {
        await wake.wait(never, lease.lost);
        if (lease.lost.aborted) return;
        if (newest !== undefined && newest !== passedOn && options.isHeard()) await passOn(lease, newest);
        await pause(distance, lease.lost);
      }
    },
  };

  async function passOn(lease: Pick<HeldLease, "lost" | "annotate">, pointer: SnapshotPointer): Promise<void> {
    try {
      await lease.annotate(pointerAnnotation, JSON.stringify(pointer));
      passedOn = pointer;
    } catch (error) {
      if (lease.lost.aborted) return;
      options.fault(MeshError.from(error));
      wake.raise();
    }
  }
}
