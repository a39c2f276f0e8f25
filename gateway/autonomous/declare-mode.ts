import type { ContentHash } from "../../shared/core/brand.ts";
import type { Position } from "../../shared/core/events/cluster-event.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { pause } from "../../shared/shell/pause.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { HeldLease } from "../publish/lease.ts";
import { createSignal } from "../signal.ts";
import { beginMode, type ModeInput, type ModeSettings, nextModeTime, stepMode } from "./mode.ts";
import { type ModeNote, modeAnnotation, writeModeNote } from "./mode-note.ts";

export interface ModeDeclarationOptions {
  readonly own: () => ContentHash;
  readonly onChange: (listener: () => void) => Disposable;
  readonly settings: ModeSettings;
  readonly clock: Clock;
  /** As it was last read, maybe by the process before this one. */
  readonly head: () => Head | undefined;
  /** What the Lease says now. */
  readonly note: () => ModeNote | undefined;
  readonly fault: (error: unknown) => void;
}

/** Decides the mode while this replica publishes, and tells it all replicas by the Lease. */
export interface ModeDeclaration {
  readonly onHead: (head: Head) => void;
  readonly publishing: (root: ContentHash, position: Position) => void;
  /** Until the Lease is lost. */
  readonly whileLeading: (lease: Pick<HeldLease, "lost" | "annotate">) => Promise<void>;
  /** This replica decides now. */
  readonly leads: () => boolean;
}

/** Between two writes of the Lease. Milliseconds. */
const distance = 250;

export function createModeDeclaration(options: ModeDeclarationOptions): ModeDeclaration {
  let input: ((input: ModeInput) => void) | undefined;
  return {
    onHead: ({ state, applied }) => input?.({ kind: "read", state, applied }),
    publishing: (root, position) => input?.({ kind: "publishing", root, position }),
    leads: () => input !== undefined,
    async whileLeading(lease) {
      const { clock, settings } = options;
      const wake = createSignal();
      const found = options.note();
      let state = beginMode(options.own(), clock.monotonic(), found && { mode: found.mode, floor: found.floor });
      let since = found?.since ?? new Date(clock.now()).toISOString();
      input = (given) => {
        const before = state.mode;
        state = stepMode(state, given, { now: clock.monotonic(), settings });
        if (state.mode !== before) since = new Date(clock.now()).toISOString();
        wake.raise();
      };
      const known = options.head();
      if (known !== undefined) input({ kind: "read", state: known.state, applied: known.applied });
      using _ = options.onChange(() => input?.({ kind: "changed", root: options.own() }));
      try {
        while (!lease.lost.aborted) {
          const wait = nextModeTime(state, settings) - clock.monotonic();
          await wake.wait(Math.min(wait, longestWait), lease.lost);
          input({ kind: "time" });
          const text = writeModeNote({ mode: state.mode, since, floor: state.floor });
          const told = options.note();
          const isNews = text !== (told && writeModeNote(told)) && (told !== undefined || state.mode === "autonomous");
          if (isNews && !lease.lost.aborted) await tell(lease, text);
          await pause(distance, lease.lost);
        }
      } finally {
        input = undefined;
      }
    },
  };

  async function tell(lease: Pick<HeldLease, "lost" | "annotate">, text: string): Promise<void> {
    try {
      await lease.annotate(modeAnnotation, text);
    } catch (error) {
      if (!lease.lost.aborted) options.fault(MeshError.from(error));
    }
  }
}

/** A Lease that somebody changed is looked at again. Milliseconds. */
const longestWait = 5000;
