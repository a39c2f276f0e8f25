import { canonicalJson, contentHash } from "../../shared/core/canonical.ts";
import { compile, translatorVersion } from "../../shared/core/compile.ts";
import { kindText } from "../../shared/core/events/kinds.ts";
import { lostResources, type Missing, missingFromList, missingText } from "../../shared/core/guard/mass-withdrawal.ts";
import { parseObjectKey } from "../../shared/core/object.ts";
import { type Deletions, objectsOf } from "../../shared/core/state/cluster-state.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import type { MeshSettingsInForce } from "../../shared/store/mesh-settings.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";

/** What a local compile is not made of: the snapshot in force stays. */
export interface LocalHold {
  /** Names what is held, for whoever releases it: the same on every replica that misses the same objects in the same outage. */
  readonly id: string;
  /** ISO 8601 */
  readonly since: string;
  readonly why: string;
}

export interface GuardedCompile {
  readonly inForce: ServedSnapshot;
  /** That it was made of. */
  readonly before: Trie;
  readonly own: Trie;
  readonly settings: MeshSettingsInForce;
  /** Since when the gateway compiles itself, ISO 8601: a release is for one outage. */
  readonly outage: string;
}

/** The guard against mass withdrawal (design.md §5, Guards), where the cloud is not there to judge. */
export interface LocalGuard {
  /** The gateway's picture was `before`. A key that `isDeleted` knows was deleted by somebody; others were merely not in a list. */
  readonly note: (before: Trie, now: Trie, isDeleted: (key: string) => boolean) => void;
  /** Undefined: nothing speaks against it. */
  readonly judge: (compile: GuardedCompile) => Omit<LocalHold, "since"> | undefined;
}

/** Deletions that are remembered. Of more the oldest count as unexplained: that only holds more. */
const mostDeletions = 50_000;

export function createLocalGuard(): LocalGuard {
  const deleted = new Set<string>();
  const isUnexplained = (key: string): boolean => !deleted.has(key);
  return {
    note(before, now, isDeleted) {
      for (const { key, after } of before.compare(now)) {
        deleted.delete(key);
        if (after === undefined && isDeleted(key)) deleted.add(key);
      }
      for (const oldest of deleted) {
        if (deleted.size <= mostDeletions) break;
        deleted.delete(oldest);
      }
    },
    judge({ inForce, before, own, settings, outage }) {
      const gone = goneBetween(before, own);
      const missing = missingFromList(before, own, countKinds(gone.filter((key) => deleted.has(key))));
      if (missing.length > 0)
        return holdOf("this gateway's list lacks", missing, { outage, keys: gone.filter(isUnexplained).sort() });
      const lost = lostByInputs(inForce, before, settings);
      if (lost.length > 0) return holdOf("another translator or fleet policy loses", lost, { outage, keys: [] });
      return undefined;
    },
  };
}

function goneBetween(before: Trie, now: Trie): readonly string[] {
  return [...before.compare(now)].flatMap(({ key, after }) => (after === undefined ? [key] : []));
}

function countKinds(keys: readonly string[]): Deletions {
  const counts: Record<string, number> = {};
  for (const key of keys) {
    const kind = kindText(parseObjectKey(key));
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function holdOf(
  what: string,
  missing: readonly Missing[],
  named: { readonly outage: string; readonly keys: readonly string[] },
): Omit<LocalHold, "since"> {
  const id = contentHash(canonicalJson([named.outage, ...named.keys, missingText(missing)])).slice(0, 16);
  return { id, why: `${what} ${missingText(missing)}` };
}

/** What the state in force, compiled by this program with the settings at hand, would lose of the snapshot that was made of it. */
function lostByInputs(
  { served, snapshot }: ServedSnapshot,
  before: Trie,
  settings: MeshSettingsInForce,
): readonly Missing[] {
  const isSame =
    served.translator === translatorVersion &&
    served.settingsVersion === settings.version &&
    served.policyVersion === settings.policyVersion;
  return isSame ? [] : lostResources(snapshot, compile({ objects: objectsOf(before), settings: settings.build }));
}
