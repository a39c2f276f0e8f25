import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { jsonData } from "../app/typed-data.ts";
import { FunctionsHostError, firstLine } from "../functions-host-error.ts";
import { replaceFile } from "../replace-file.ts";
import { runWithRetries, waitOrAbort } from "../run-with-retries.ts";
import type { RunningTrigger, TriggerContext } from "../running-trigger.ts";
import { runTimer, type ScheduleStatus, type Timer } from "./run-timer.ts";
import { parseSchedule, type Schedule } from "./schedule.ts";

export const timerTriggerSchema = z.looseObject({
  schedule: z.string(),
  runOnStartup: z.boolean().optional(),
  useMonitor: z.boolean().optional(),
});

const statusSchema = z.object({ last: z.number(), next: z.number(), lastUpdated: z.number() });

/** Milliseconds between two firings below which the platform keeps no status. */
const shortestMonitored = 60_000;

/** The longest pause that a Node timer can make. */
const longestPause = 2 ** 31 - 1;

/**
 * The schedule of a timer function.
 *
 * @throws {FunctionsHostError} when it cannot be read.
 */
export function toSchedule(context: TriggerContext): Schedule {
  try {
    return parseSchedule(timerTriggerSchema.parse(context.binding).schedule);
  } catch (thrown) {
    const message = `The trigger of ${context.function.metadata.name} is not valid: ${firstLine(thrown)}`;
    throw new FunctionsHostError("function-invalid", message, { cause: thrown });
  }
}

/** Runs a function by its schedule. Its status is a file under the host's folder, the counterpart of the platform's blob. */
export function startTimerTrigger(context: TriggerContext, schedule: Schedule): RunningTrigger {
  const { runOnStartup, useMonitor } = timerTriggerSchema.parse(context.binding);
  const first = schedule.next(Date.now()) ?? 0;
  const monitored = useMonitor !== false && (schedule.next(first) ?? Infinity) - first >= shortestMonitored;
  const running = runTimer({
    schedule,
    runOnStartup: runOnStartup ?? false,
    status: monitored ? createStatusFile(context) : undefined,
    signal: context.signal,
    now: Date.now,
    async waitUntil(time, signal) {
      while (Date.now() < time && !signal.aborted) await waitOrAbort(Math.min(longestPause, time - Date.now()), signal);
    },
    fire: (status, isPastDue) => fire(context, status, isPastDue),
  }).catch((thrown: unknown) => context.log("error", `the timer ended: ${firstLine(thrown)}`));
  return {
    async [Symbol.asyncDispose]() {
      await running;
    },
  };
}

async function fire(context: TriggerContext, status: ScheduleStatus | undefined, isPastDue: boolean): Promise<void> {
  const data = jsonData({
    Schedule: { AdjustForDST: true },
    ScheduleStatus:
      status === undefined
        ? null
        : { Last: toDateTime(status.last), Next: toDateTime(status.next), LastUpdated: toDateTime(status.lastUpdated) },
    IsPastDue: isPastDue,
  });
  await runWithRetries({
    policy: context.policy,
    signal: context.signal,
    wait: waitOrAbort,
    attempt: (retry) => context.invoke(data, {}, retry),
    onFailure: (thrown, left) =>
      context.log("error", `${firstLine(thrown)}${left > 0 ? `; ${left} retries left` : ""}`),
  });
}

/** A time that is not known yet is year 1 on the platform. */
function toDateTime(milliseconds: number): string {
  return milliseconds === 0 ? "0001-01-01T00:00:00Z" : new Date(milliseconds).toISOString();
}

function createStatusFile(context: TriggerContext): Timer["status"] {
  const { dir } = context;
  let kept: ScheduleStatus | undefined;
  const file =
    dir === undefined ? undefined : join(dir, "timers", `${encodeURIComponent(context.function.metadata.name)}.json`);
  return {
    async read() {
      if (file === undefined) return kept;
      try {
        return statusSchema.parse(JSON.parse(await readFile(file, "utf8")));
      } catch {
        // Missing or unreadable: the platform, too, starts anew without a status.
        return undefined;
      }
    },
    async write(status) {
      kept = status;
      if (file === undefined) return;
      await replaceFile(file, `${JSON.stringify(status)}\n`);
    },
  };
}
