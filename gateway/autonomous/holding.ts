import type { LocalGuard, LocalHold } from "./local-guard.ts";

/** What the guard holds, from one judgement to the next. */
export interface Holding {
  readonly hold: () => LocalHold | undefined;
  /** Asks the guard, unless a person agreed to what it would say. True where the snapshot in force stays. */
  readonly judge: (compile: Parameters<LocalGuard["judge"]>[0]) => boolean;
  /** What was judged stands, and nobody has released it: to ask again would say the same. */
  readonly covers: (states: JudgedStates) => boolean;
  readonly end: () => void;
}

/** Hashes of the state in force and of the own one. */
export interface JudgedStates {
  readonly before: string;
  readonly own: string;
}

export function createHolding(options: {
  readonly guard: Pick<LocalGuard, "judge">;
  /** Id of the hold that a person agreed to. */
  readonly released: () => string | undefined;
  /** ISO 8601 */
  readonly now: () => string;
  /** Another hold, or none any more. */
  readonly onHold: (hold: LocalHold | undefined) => void;
}): Holding {
  const { guard, released, now, onHold } = options;
  let held: (JudgedStates & { readonly hold: LocalHold }) | undefined;
  const set = (next: typeof held): void => {
    const isNews = held?.hold.id !== next?.hold.id;
    held = next;
    if (isNews) onHold(next?.hold);
  };
  return {
    hold: () => held?.hold,
    judge(compile) {
      const found = guard.judge(compile);
      const stands = found !== undefined && found.id !== released();
      const states = { before: compile.before.root, own: compile.own.root };
      set(stands ? { hold: { ...found, since: held?.hold.since ?? now() }, ...states } : undefined);
      return stands;
    },
    covers: ({ before, own }) => held?.before === before && held.own === own && held.hold.id !== released(),
    end: () => set(undefined),
  };
}
