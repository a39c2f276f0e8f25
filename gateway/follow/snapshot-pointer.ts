import { maxFresh, type SnapshotPointer } from "../../shared/store/documents.ts";

/** The hub brings pointers of all clusters, and whatever else is sent to it. */
export function isPointerFor(
  message: unknown,
  { mesh, cluster }: { readonly mesh: string; readonly cluster: string },
): message is SnapshotPointer {
  const pointer = message as Partial<SnapshotPointer> | null | undefined;
  return (
    typeof pointer === "object" &&
    pointer?.mesh === mesh &&
    pointer.cluster === cluster &&
    typeof pointer.version === "number" &&
    isFresh(pointer.fresh)
  );
}

/** What is read because of it is checked against its hash; here it must only be something that can be read, and not much. */
function isFresh(fresh: SnapshotPointer["fresh"]): boolean {
  return fresh === undefined || (isHashes(fresh.blocks) && isHashes(fresh.resources));
}

function isHashes(hashes: unknown): boolean {
  return (
    Array.isArray(hashes) &&
    hashes.length <= maxFresh &&
    hashes.every((hash) => typeof hash === "string" && /^[\w-]{16}$/.test(hash))
  );
}
