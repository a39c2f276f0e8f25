import { type Missing, missingFromList, missingText } from "../shared/core/guard/mass-withdrawal.ts";
import type { Trie } from "../shared/core/trie/trie.ts";
import type { Head, Pin } from "../shared/store/documents.ts";
import type { MeshSettingsInForce } from "../shared/store/mesh-settings.ts";
import type { Folded } from "./fold-events.ts";

export interface GuardInput {
  readonly head: Head;
  readonly folded: Folded;
  readonly settings: MeshSettingsInForce;
  /** Reads a state; it shares most blocks with those at hand. */
  readonly loadState: (root: Head["state"]) => Promise<Trie>;
  /** ISO 8601 */
  readonly now: string;
}

const guardName = "weft";

/**
 * The pin after these events: the one that stands, with what the guards add or take back (design.md §5, Guards). What is held is in the head's state, so the
 * publisher is answered and live changes go on; it is not served until a person releases it, or what was missing is there again.
 */
export async function guardedPin(input: GuardInput): Promise<Pin | undefined> {
  const { head, folded, now } = input;
  const standing = folded.released === undefined ? head.pin : afterRelease(head, now);
  return withLower(input, await withMissing(input, standing));
}

/** What a person's pin leaves when it is released: a hold, where a guard has something against what comes next. */
function afterRelease({ pin }: Head, now: string): Pin | undefined {
  if (pin === undefined || !hasReason(pin)) return undefined;
  const { to: _, ...rest } = pin;
  return { ...rest, kind: "hold", who: guardName, when: now, why: `held since before the ${pin.kind} was released` };
}

async function withMissing(
  { head, folded, loadState, now }: GuardInput,
  pin: Pin | undefined,
): Promise<Pin | undefined> {
  if (pin?.missing !== undefined) {
    if (folded.state.objects.root === head.state) return pin;
    const kinds = missingFromList(await loadState(pin.missing.of), folded.state.objects);
    return kinds.length > 0 ? { ...pin, missing: { of: pin.missing.of, kinds } } : withoutReason(pin, "missing");
  }
  for (const { before, after, deleted } of folded.lists) {
    const kinds = missingFromList(before, after, deleted);
    if (kinds.length === 0) continue;
    const missing = { of: before.root, kinds };
    return pin === undefined
      ? { kind: "hold", who: guardName, when: now, why: `a list lacks ${missingText(kinds)}`, missing }
      : { ...pin, missing };
  }
  return pin;
}

/** Only a person lowers an input that is served. */
function withLower({ head, folded, settings, now }: GuardInput, pin: Pin | undefined): Pin | undefined {
  const why = olderInputs(head, folded, settings);
  if (why === undefined) return pin?.lower === true ? withoutReason(pin, "lower") : pin;
  if (pin !== undefined) return pin.lower === true ? pin : { ...pin, lower: true };
  return { kind: "hold", who: guardName, when: now, why, lower: true };
}

function olderInputs({ served }: Head, { above }: Folded, settings: MeshSettingsInForce): string | undefined {
  if (above !== undefined && settings.policyVersion < above.policyVersion)
    return `the fleet policy is of version ${settings.policyVersion}, gateways have seen ${above.policyVersion}`;
  if (served === undefined) return undefined;
  if (settings.policyVersion < served.policyVersion)
    return `the fleet policy went back from version ${served.policyVersion} to ${settings.policyVersion}`;
  if (settings.version < served.settingsVersion)
    return `the settings went back from version ${served.settingsVersion} to ${settings.version}`;
  return undefined;
}

/** A hold without a reason is over; a person's pin stays. */
function withoutReason(pin: Pin, reason: "missing" | "lower"): Pin | undefined {
  const { [reason]: _, ...rest } = pin;
  return rest.kind === "hold" && !hasReason(rest) ? undefined : rest;
}

/** A guard has something against what would be served next. */
function hasReason({ missing, lost, lower }: Pin): boolean {
  return missing !== undefined || lost !== undefined || lower === true;
}

/** The hold of what another translator or fleet policy would lose. */
export function lostHold(lost: readonly Missing[], now: string): Pin {
  return {
    kind: "hold",
    who: guardName,
    when: now,
    why: `another translator or fleet policy loses ${missingText(lost)}`,
    lost,
  };
}
