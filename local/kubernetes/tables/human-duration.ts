/** Ages as kubectl prints them: two units while small, one when large. */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

const two = (milliseconds: number, large: number, largeName: string, smallUnit: [number, string]): string => {
  const [small, smallName] = smallUnit;
  const rest = Math.floor((milliseconds % large) / small);
  const whole = `${Math.floor(milliseconds / large)}${largeName}`;
  return rest === 0 ? whole : `${whole}${rest}${smallName}`;
};

/** "5s", "2m30s", "47h", "3d4h"; "<invalid>" for a time that lies ahead. */
export function humanDuration(milliseconds: number): string {
  if (milliseconds < -second) return "<invalid>";
  if (milliseconds < 0) return "0s";
  if (milliseconds < 2 * minute) return `${Math.floor(milliseconds / second)}s`;
  if (milliseconds < 10 * minute) return two(milliseconds, minute, "m", [second, "s"]);
  if (milliseconds < 3 * hour) return `${Math.floor(milliseconds / minute)}m`;
  if (milliseconds < 8 * hour) return two(milliseconds, hour, "h", [minute, "m"]);
  if (milliseconds < 2 * day) return `${Math.floor(milliseconds / hour)}h`;
  if (milliseconds < 8 * day) return two(milliseconds, day, "d", [hour, "h"]);
  if (milliseconds < 2 * year) return `${Math.floor(milliseconds / day)}d`;
  if (milliseconds < 8 * year) return two(milliseconds, year, "y", [day, "d"]);
  return `${Math.floor(milliseconds / year)}y`;
}

/** Age of a timestamp; "<unknown>" when there is none. */
export function ageOf(time: unknown, now: number): string {
  const then = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(then) ? "<unknown>" : humanDuration(now - then);
}
