import type { Position } from "../../shared/core/events/cluster-event.ts";
import { parseJson } from "../../shared/core/parse-json.ts";
import type { Mode } from "./mode.ts";

/** Annotation of the publisher's Lease, by which it tells all replicas the mode. */
export const modeAnnotation = "weft.dev/mode";

export interface ModeNote {
  readonly mode: Mode;
  /** ISO 8601 */
  readonly since: string;
  /** A snapshot from the cloud counts only when its head has applied this. */
  readonly floor: Position | undefined;
}

export function writeModeNote(note: ModeNote): string {
  return JSON.stringify(note);
}

/** Undefined for what no publisher writes: nobody has decided anything. */
export function readModeNote(text: string | undefined): ModeNote | undefined {
  const note = parseJson(text) as Partial<ModeNote> | null | undefined;
  if (typeof note !== "object" || note === null || (note.mode !== "following" && note.mode !== "autonomous"))
    return undefined;
  const { mode, since, floor } = note;
  const isPosition = Number.isSafeInteger(floor?.epoch) && Number.isSafeInteger(floor?.seq);
  return { mode, since: String(since), floor: isPosition ? floor : undefined };
}
