import type { Head } from "../../shared/store/documents.ts";
import type { LocalHold } from "../autonomous/local-guard.ts";
import type { ModeNote } from "../autonomous/mode-note.ts";
import { localHoldText, releaseCommand } from "../report/held-changes.ts";

/** What a person should know of the whole gateway, in Kubernetes' words for it. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly message: string;
}

/** With the cloud. Milliseconds. */
export interface Contact {
  /** When the head was last read. */
  readonly last: number;
  readonly now: number;
  /** How long it may not be read. */
  readonly limit: number;
}

export function isStale({ last, now, limit }: Contact): boolean {
  return now - last > limit;
}

export function staleCondition(contact: Contact): Condition {
  if (!isStale(contact)) return { type: "Stale", status: "False", message: "the head is read in time" };
  const read = contact.last === 0 ? "never" : `last ${Math.round((contact.now - contact.last) / 1000)} s ago`;
  return { type: "Stale", status: "True", message: `the head was read ${read}: what is known of it stays in force` };
}

/** Of a cloud that was restored to an older point, or made anew (design.md §4). */
export function cloudWentBackCondition(
  back: Pick<Head, "incarnation" | "version"> | undefined,
  serving: { readonly version: number } | undefined,
): Condition {
  const type = "CloudWentBack";
  if (back === undefined) return { type, status: "False", message: "the head is not older than what is served" };
  const message = `the head is of version ${back.version} of ${back.incarnation}: version ${serving?.version} stays in force until a newer one comes`;
  return { type, status: "True", message };
}

/** A person's pin, or a guard's, the cloud's or the gateway's own, and how it ends. */
export function changesHeldCondition(
  { pin, hold }: { readonly pin: Head["pin"]; readonly hold: LocalHold | undefined },
  { cluster, namespace }: { readonly cluster: string; readonly namespace: string },
): Condition {
  const type = "ChangesHeld";
  if (hold !== undefined) return { type, status: "True", message: localHoldText(hold, namespace) };
  if (pin === undefined) return { type, status: "False", message: "changes are served as they come" };
  return {
    type,
    status: "True",
    message: `${pin.kind} by ${pin.who} since ${pin.when}: ${pin.why}. Release: ${releaseCommand(cluster, pin.kind)}`,
  };
}

export function autonomousCondition(note: ModeNote | undefined, servesLocal: boolean): Condition {
  if (note?.mode !== "autonomous")
    return { type: "Autonomous", status: "False", message: "changes come back from the cloud in time" };
  const message = servesLocal
    ? `since ${note.since}: policy is compiled here`
    : `since ${note.since}: what the cloud compiled last is in force`;
  return { type: "Autonomous", status: "True", message };
}
