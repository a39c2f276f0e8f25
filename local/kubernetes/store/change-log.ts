/** The latest changes in their order: what a watch that comes late is told. */

/** Anything that bears a revision; revisions grow by one from change to change. */
interface Numbered {
  readonly revision: number;
}

export interface ChangeLog<Change extends Numbered> {
  append(change: Change): void;
  /** The changes after a revision, oldest first; "too-old" when some of them are no longer kept. */
  since(revision: number): readonly Change[] | "too-old";
  /** Drops the changes after a revision, as if they had not been. */
  takeBack(revision: number): void;
  /** Drops all changes: there is no way back behind the newest. */
  forget(): void;
}

/**
 * @param window how many changes are kept at least
 * @param start the revision before the first change
 */
export function createChangeLog<Change extends Numbered>(window: number, start: number): ChangeLog<Change> {
  let changes: Change[] = [];
  let oldest = start;
  return {
    append(change) {
      changes.push(change);
      // Trimmed in one go when twice as long as needed, so that a write stays cheap.
      if (changes.length > 2 * window) changes = changes.slice(-window);
      oldest = (changes[0]?.revision ?? change.revision) - 1;
    },
    since(revision) {
      if (revision < oldest) return "too-old";
      return changes.slice(Math.max(0, revision - oldest));
    },
    takeBack(revision) {
      changes = changes.filter((change) => change.revision <= revision);
    },
    forget() {
      oldest = changes.at(-1)?.revision ?? oldest;
      changes = [];
    },
  };
}
