/** When a timer fires. All times are milliseconds since the epoch, in UTC as on the platform. */
export interface Schedule {
  /** The first time strictly after the given one; `undefined` when there is none. */
  next(after: number): number | undefined;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const fields = {
  second: { name: "second", min: 0, max: 59 },
  minute: { name: "minute", min: 0, max: 59 },
  hour: { name: "hour", min: 0, max: 23 },
  day: { name: "day", min: 1, max: 31 },
  month: { name: "month", min: 1, max: 12, names: months },
  weekday: { name: "day of week", min: 0, max: 6, names: weekdays },
} as const satisfies Record<string, Field>;

/** Years after which a schedule such as 30 February counts as never. */
const horizon = 8;

/**
 * Parses an NCRONTAB expression of six fields (second first; five fields fire at second 0) or a time span such as `00:00:30`.
 * Unlike in cron, day of month and day of week must both fit.
 *
 * @throws {RangeError} naming the field that is wrong.
 */
export function parseSchedule(text: string): Schedule {
  const span = /^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})$/.exec(text.trim());
  if (span !== null) {
    const [days, hours, minutes, seconds] = [span[1] ?? "0", span[2], span[3], span[4]].map(Number);
    const length = ((((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
    if (length === 0) throw new RangeError(`The schedule "${text}" is an interval of no length.`);
    return { next: (after) => after + length };
  }
  const parts = text.trim().split(/\s+/);
  if (parts.length === 5) parts.unshift("0");
  const [second, minute, hour, day, month, weekday] = parts;
  if (
    parts.length !== 6 ||
    second === undefined ||
    minute === undefined ||
    hour === undefined ||
    day === undefined ||
    month === undefined ||
    weekday === undefined
  ) {
    throw new RangeError(
      `The schedule "${text}" has ${parts.length} fields; it needs six: second minute hour day month weekday.`,
    );
  }
  return createCronSchedule({
    seconds: parseField(second, fields.second),
    minutes: parseField(minute, fields.minute),
    hours: parseField(hour, fields.hour),
    days: new Set(parseField(day, fields.day)),
    months: new Set(parseField(month, fields.month)),
    weekdays: new Set(parseField(weekday, fields.weekday)),
  });
}

interface CronFields {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
}

function createCronSchedule(cron: CronFields): Schedule {
  return {
    next(after) {
      const start = new Date(Math.floor(after / 1000) * 1000 + 1000);
      const date = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate()));
      const last = start.getUTCFullYear() + horizon;
      for (; date.getUTCFullYear() <= last; date.setUTCDate(date.getUTCDate() + 1)) {
        if (!cron.months.has(date.getUTCMonth() + 1)) continue;
        if (!cron.days.has(date.getUTCDate()) || !cron.weekdays.has(date.getUTCDay())) continue;
        const earliest = Math.max(0, Math.round((start.getTime() - date.getTime()) / 1000));
        const inDay = firstInDay(cron, earliest);
        if (inDay !== undefined) return date.getTime() + inDay * 1000;
      }
      return undefined;
    },
  };
}

/** The first second of a day, from `earliest` on, that fits. */
function firstInDay(cron: CronFields, earliest: number): number | undefined {
  for (const hour of cron.hours) {
    if ((hour + 1) * 3600 <= earliest) continue;
    for (const minute of cron.minutes) {
      const base = hour * 3600 + minute * 60;
      if (base + 60 <= earliest) continue;
      for (const second of cron.seconds) {
        if (base + second >= earliest) return base + second;
      }
    }
  }
  return undefined;
}

/** The values of one field, ascending: `*`, `5`, `1-5`, `0/10`, `3/20`, `mon`, and lists of them. */
function parseField(text: string, field: Field): readonly number[] {
  const values = new Set<number>();
  for (const part of text.toLowerCase().split(",")) {
    const match = /^(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(\d+))?$/.exec(part);
    const step = match?.[3] === undefined ? undefined : Number(match[3]);
    if (match?.[1] === undefined || step === 0) throw invalid(text, field);
    const open = match[1] === "*";
    const from = open ? field.min : parseValue(match[1], field);
    const single = step === undefined && !open ? from : field.max;
    const to = match[2] === undefined ? single : parseValue(match[2], field);
    if (from === undefined || to === undefined || from > to) throw invalid(text, field);
    for (let value = from; value <= to; value += step ?? 1) values.add(value);
  }
  return [...values].toSorted((left, right) => left - right);
}

function parseValue(text: string, field: Field): number | undefined {
  const named = field.names?.findIndex((name) => text.startsWith(name)) ?? -1;
  const value = named >= 0 ? named + field.min : Number(text);
  return Number.isInteger(value) && value >= field.min && value <= field.max ? value : undefined;
}

function invalid(text: string, field: Field): RangeError {
  return new RangeError(`"${text}" is not a ${field.name} of a schedule (${field.min} to ${field.max}).`);
}
