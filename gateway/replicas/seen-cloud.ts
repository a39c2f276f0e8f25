import * as z from "zod";
import { parseJson } from "../../shared/core/parse-json.ts";
import type { SeenCloud } from "../../shared/store/documents.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { SeenLease } from "./lease-watch.ts";
import { isReplicaLease } from "./names.ts";

/** Annotation of a replica's Lease: the newest of the cloud that it has seen. */
const seenAnnotation = "weft.dev/seen";

const schema = z.object({
  incarnation: z.string(),
  version: z.int().min(0),
  policyVersion: z.int().min(0),
});

/** Annotations that say what this replica has seen. */
export function seenNote(current: ServedSnapshot | undefined): Readonly<Record<string, string>> {
  const seen = seenOf(current);
  return seen === undefined ? {} : { [seenAnnotation]: JSON.stringify(seen) };
}

export function seenOf(current: ServedSnapshot | undefined): SeenCloud | undefined {
  return (
    current && {
      incarnation: current.incarnation,
      version: current.version,
      policyVersion: current.served.policyVersion,
    }
  );
}

/**
 * The newest that any living replica has seen. A publisher that came later may not know what a cloud that went back once was; the replica that does
 * follows nothing until somebody names it (design.md §4, The cloud went back). Another incarnation's versions say nothing about this one's.
 */
export function newestSeen(own: SeenCloud | undefined, leases: readonly SeenLease[]): SeenCloud | undefined {
  const others = leases
    .filter(({ name, alive }) => alive && isReplicaLease(name))
    .flatMap(({ annotations }) => readSeen(annotations[seenAnnotation]) ?? []);
  return others.reduce((newest: SeenCloud | undefined, seen) => {
    if (newest === undefined) return seen;
    if (newest.incarnation !== seen.incarnation) return newest;
    return {
      incarnation: seen.incarnation,
      version: Math.max(newest.version, seen.version),
      policyVersion: Math.max(newest.policyVersion, seen.policyVersion),
    };
  }, own);
}

/** Undefined for what another version of the gateway, or nobody, wrote. */
function readSeen(text: string | undefined): SeenCloud | undefined {
  return schema.safeParse(parseJson(text)).data;
}
