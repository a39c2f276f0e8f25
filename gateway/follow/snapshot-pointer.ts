import type { SnapshotPointer } from "../../shared/store/documents.ts";

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
    typeof pointer.version === "number"
  );
}
