import type { Clock } from "../../shared/ports/clock.ts";

/** Rings when a stream wants to be told the time. */
export interface WakeTimer extends Disposable {
  /** To be called whenever that may have changed. */
  readonly arm: () => void;
}

export type CreateWakeTimer = (wakeAt: () => number | undefined, ring: () => void) => WakeTimer;

/** All that are to ring at one moment. */
interface Bell {
  readonly at: number;
  readonly due: Set<() => void>;
  readonly timer: Disposable;
}

/** Streams that were sent something at once wait equally long: one timer of the clock rings for all of them. */
export function createWakeTimers(clock: Clock): CreateWakeTimer {
  const bells = new Map<number, Bell>();
  const bellAt = (at: number): Bell => {
    const known = bells.get(at);
    if (known !== undefined) return known;
    const due = new Set<() => void>();
    const ring = (): void => {
      bells.delete(at);
      for (const rung of due) rung();
    };
    const bell = { at, due, timer: clock.after(Math.max(0, at - clock.monotonic()), ring) };
    bells.set(at, bell);
    return bell;
  };
  const leave = (bell: Bell, rung: () => void): void => {
    bell.due.delete(rung);
    if (bell.due.size > 0 || bells.get(bell.at) !== bell) return;
    bells.delete(bell.at);
    bell.timer[Symbol.dispose]();
  };
  return (wakeAt, ring) => createWakeTimer({ clock, bellAt, leave }, wakeAt, ring);
}

interface Bells {
  readonly clock: Clock;
  readonly bellAt: (at: number) => Bell;
  readonly leave: (bell: Bell, rung: () => void) => void;
}

/** A timer that rings too early is set again; so most steps leave it alone. */
function createWakeTimer(
  { clock, bellAt, leave }: Bells,
  wakeAt: () => number | undefined,
  ring: () => void,
): WakeTimer {
  let set: Bell | undefined;
  const arm = (): void => {
    const at = wakeAt();
    if (at === undefined || (set !== undefined && set.at <= at)) return;
    if (set !== undefined) leave(set, rung);
    set = bellAt(at);
    set.due.add(rung);
  };
  const rung = (): void => {
    set = undefined;
    const at = wakeAt();
    if (at !== undefined && at > clock.monotonic()) arm();
    else if (at !== undefined) ring();
  };
  return {
    arm,
    [Symbol.dispose]() {
      if (set !== undefined) leave(set, rung);
      set = undefined;
    },
  };
}
