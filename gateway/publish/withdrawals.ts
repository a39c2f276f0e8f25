import { emptyTrie, type Trie } from "../../shared/core/trie/trie.ts";

/** Deletions that were seen as they happened and are not known to be in the head. A list tells them, or they would look like a mass withdrawal. */
export interface Withdrawals {
  /** What left the picture between these two. */
  readonly note: (before: Trie, now: Trie) => void;
  /** The head holds all of it. */
  readonly settled: () => void;
  /** State entries of what is still gone. */
  readonly goneFrom: (objects: Trie) => Trie;
}

export function createWithdrawals(): Withdrawals {
  const gone = new Map<string, string>();
  return {
    note(before, now) {
      for (const { key, before: entry, after } of before.compare(now))
        if (entry !== undefined && after === undefined) gone.set(key, entry);
    },
    settled: () => gone.clear(),
    goneFrom: (objects) => emptyTrie.with([...gone].filter(([key]) => objects.get(key) === undefined)),
  };
}
