import type { Clock } from "../../shared/ports/clock.ts";

/** Rings when a stream wants to be told the time. */
export interface WakeTimer extends Disposable {
  /** To be called whenever that may have changed. */
  readonly arm: () => void;
}

/** A timer that rings too early is set again; so most steps leave it alone. */
export function createWakeTimer(clock: Clock, wakeAt: () => number | undefined, ring: () => void): WakeTimer {
  let set: { readonly at: number; readonly timer: Disposable } | undefined;
  const arm = (): void => {
    const at = wakeAt();
    if (at === undefined || (set !== undefined && set.at <= at)) return;
    set?.timer[Symbol.dispose]();
    set = { at, timer: clock.after(Math.max(0, at - clock.monotonic()), rung) };
  };
  const rung = (): void => {
    set = undefined;
    const at = wakeAt();
    if (at !== undefined && at > clock.monotonic()) arm();
    else ring();
  };
  return { arm, [Symbol.dispose]: () => set?.timer[Symbol.dispose]() };
}
