import type { ContentHash } from "../../shared/core/brand.ts";
import { isAfter } from "../../shared/core/events/cluster-event.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ModeNote } from "./mode-note.ts";

export interface ServingSituation {
  readonly note: ModeNote | undefined;
  /** The Lease was looked at: without a note on it nobody has decided anything. */
  readonly noted: boolean;
  /** As it was last read, maybe before this process began. */
  readonly head: Head | undefined;
  /** The newest snapshot from the cloud. */
  readonly cloud: ServedSnapshot;
  /** The gateway's own state; undefined until everything was listed once. */
  readonly own: ContentHash | undefined;
  /** A snapshot that was compiled here is in force. */
  readonly servesLocal: boolean;
  /** Of this program. */
  readonly translator: number;
}

/** `local`: compile the own state, if it is not what is served already. `stay`: what was compiled here stays, and nothing new is. */
export type Choice = "cloud" | "local" | "stay";

/**
 * What to serve (design.md §5, Guards). A pin binds; an own change that the cloud does not take is compiled here; and what was served here is given up only
 * for a snapshot that holds it.
 */
export function chooseServed(situation: ServingSituation): Choice {
  const { note, noted, head, cloud, own, servesLocal, translator } = situation;
  if (head?.pin !== undefined) return "cloud";
  if (cloud.served.state === own) return "cloud";
  if (!noted && servesLocal) return "stay";
  if (note?.mode === "autonomous") {
    if (own === undefined) return servesLocal ? "stay" : "cloud";
    // What a newer translator made is better than anything that this program can make of it.
    return cloud.served.translator > translator ? "cloud" : "local";
  }
  return servesLocal && !coversFloor(situation) ? "stay" : "cloud";
}

/** The snapshot is that of a head that has applied the floor, and was compiled from all that was applied. */
function coversFloor({ note, head, cloud }: ServingSituation): boolean {
  if (note?.floor === undefined) return true;
  if (head?.served === undefined || head.version !== cloud.version || head.served.state !== cloud.served.state)
    return false;
  return head.served.state === head.state && !isAfter(note.floor, head.applied);
}
