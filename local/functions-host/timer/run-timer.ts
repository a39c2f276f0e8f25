import type { Schedule } from "./schedule.ts";

/** What the platform remembers of a timer, so that it knows after a restart what was missed. Milliseconds since the epoch. */
export interface ScheduleStatus {
  readonly last: number;
  readonly next: number;
  readonly lastUpdated: number;
}

export interface Timer {
  readonly schedule: Schedule;
  readonly runOnStartup: boolean;
  /** Missing when the schedule is not monitored: then nothing is ever past due. */
  readonly status:
    | { read(): Promise<ScheduleStatus | undefined>; write(status: ScheduleStatus): Promise<void> }
    | undefined;
  readonly signal: AbortSignal;
  now(): number;
  /** Resolves at that time, or early when the signal fires. */
  waitUntil(time: number, signal: AbortSignal): Promise<void>;
  /** One firing, retries included. Does not throw. */
  fire(status: ScheduleStatus | undefined, isPastDue: boolean): Promise<void>;
}

/**
 * Fires a timer at its times, one firing after the other: what falls into a running one is skipped. At the start it fires when
 * `runOnStartup` says so or when a monitored time went by while no host ran, then as past due.
 */
export async function runTimer(timer: Timer): Promise<void> {
  let status = await timer.status?.read();
  const isPastDue = status !== undefined && status.next <= timer.now();
  if (timer.runOnStartup || isPastDue) {
    status = await fireOnce(timer, status, isPastDue);
  } else if (status === undefined) {
    status = await remember(timer, timer.now(), 0);
  }
  while (!timer.signal.aborted) {
    const next = timer.schedule.next(timer.now());
    if (next === undefined) return;
    await timer.waitUntil(next, timer.signal);
    if (timer.signal.aborted) return;
    status = await fireOnce(timer, status, false);
  }
}

async function fireOnce(
  timer: Timer,
  status: ScheduleStatus | undefined,
  isPastDue: boolean,
): Promise<ScheduleStatus | undefined> {
  const fired = timer.now();
  await timer.fire(status, isPastDue);
  return remember(timer, fired, fired);
}

async function remember(timer: Timer, after: number, last: number): Promise<ScheduleStatus | undefined> {
  if (timer.status === undefined) return undefined;
  const status = { last, next: timer.schedule.next(after) ?? after, lastUpdated: timer.now() };
  await timer.status.write(status);
  return status;
}
