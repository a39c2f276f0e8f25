import { retryTransient } from "../shared/shell/retry.ts";
import { putChange, putPinAct } from "../shared/store/cluster-store.ts";
import type { Change, Head, PinAct, SnapshotPointer } from "../shared/store/documents.ts";
import type { FunctionParts } from "./ports.ts";

export type WrittenHead = Omit<Head, "writeId">;

/** Tells gateways of a new version, and people of the change. What fails here is found otherwise: gateways read the head, the point is written. */
export async function announceVersion(
  parts: FunctionParts,
  cluster: string,
  {
    head,
    change,
    fresh,
  }: { readonly head: WrittenHead; readonly change: Change; readonly fresh?: SnapshotPointer["fresh"] },
): Promise<void> {
  const { incarnation, version, served } = head;
  const pointer = { mesh: parts.mesh, cluster, incarnation, version, root: served?.root, ...(fresh && { fresh }) };
  const [sent] = await Promise.allSettled([
    parts.snapshots.send(cluster, [pointer]),
    putChange(parts.documents, cluster, change),
  ]);
  if (sent?.status === "rejected")
    parts.log.warn("pointer not sent; gateways find the version by reading the head", {
      cluster,
      error: String(sent.reason),
    });
}

/** Who did what to a pin, beside the head, which says what stands. */
export async function recordPinAct(parts: FunctionParts, cluster: string, act: PinAct): Promise<void> {
  parts.log.info("pin", { cluster, ...act });
  try {
    await retryTransient({ attempts: 5, baseDelay: 50, maxDelay: 1000 }, () =>
      putPinAct(parts.documents, cluster, act),
    );
  } catch (error) {
    parts.log.warn("the act on the pin is not in the changes", { cluster, act: act.act, error: String(error) });
  }
}
