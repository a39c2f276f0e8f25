import type { EnvoyType } from "../xds/resource.ts";
import { heldOf } from "./holdings.ts";
import { includes, lookup, withEntries, withEntry, without } from "./persistent-map.ts";
import type { Item, Judgement, NamedVersion, Verdict } from "./stream.ts";
import { edit, mark, type Turn } from "./turn.ts";
import { wantedItem } from "./wanted.ts";

/**
 * Only proven bytes are batched (design.md §5): one bad resource spoils an unpredictable part of its message. What nobody has acknowledged yet is asked
 * about before it is sent, and waits for the verdict: one proxy tastes for all (gateway/xds/tasting.ts).
 */
export type Way = "together" | "alone" | "ask" | "wait";

/** How an item may go now. */
export function wayOf(turn: Turn, type: EnvoyType, item: Item): Way {
  const state = turn.types[type];
  const { name, resource, standIn } = item;
  if (resource === undefined) return "together";
  if (state.alone.size > 0 && includes(state.alone, name)) return "alone";
  if (type === "endpoint" || type === "secret" || state.loading || resource.proven) return "together";
  const version = ownVersion(item);
  const judgement = lookup(state.verdicts, name);
  if (judgement?.version === version) return judgement.verdict === "asked" ? "wait" : wayBy(judgement.verdict);
  const held = heldOf(turn, type, name);
  const isKnown = held !== undefined && ownVersion(held) === version;
  // What ends access waits for nobody, nor does a chain of another name.
  if (standIn !== undefined) return isKnown || type === "extension" ? "alone" : "ask";
  return isKnown ? "together" : "ask";
}

function wayBy(verdict: "proven" | "alone"): Way {
  return verdict === "proven" ? "together" : "alone";
}

export function ask(turn: Turn, type: EnvoyType, items: readonly Item[]): void {
  if (items.length === 0) return;
  const names: NamedVersion[] = items.map((item) => ({ name: item.name, version: ownVersion(item) }));
  const state = edit(turn, type);
  state.verdicts = withEntries(
    state.verdicts,
    names.map(({ name, version }): [string, Judgement] => [name, { version, verdict: "asked" }]),
  );
  turn.outputs.push({ kind: "ask", type, names });
}

/** Verdicts on what is not wanted any more are ignored. */
export function takeVerdicts(turn: Turn, type: EnvoyType, verdicts: readonly Verdict[]): void {
  for (const verdict of verdicts) {
    const { name, version } = verdict;
    if (lookup(turn.types[type].verdicts, name)?.version === version) judge(turn, type, verdict);
    else if (verdict.verdict === "proven") release(turn, type, verdict);
  }
}

function judge(turn: Turn, type: EnvoyType, { name, version, verdict, message }: Verdict): void {
  const state = edit(turn, type);
  state.stalled = false;
  if (verdict !== "refused") {
    state.verdicts = withEntry(state.verdicts, name, { version, verdict });
    return;
  }
  state.verdicts = without(state.verdicts, name);
  const item = wantedItem(turn, type, name);
  if (ownVersion(item) !== version || !includes(state.dirty, name)) return;
  state.refused = withEntry(state.refused, name, item.version);
  turn.outputs.push({ kind: "withheld", type, names: [{ name, version }], message });
}

/** What was withheld is good after all. */
function release(turn: Turn, type: EnvoyType, { name, version }: Verdict): void {
  if (lookup(turn.types[type].refused, name) !== version) return;
  const state = edit(turn, type);
  state.refused = without(state.refused, name);
  state.verdicts = withEntry(state.verdicts, name, { version, verdict: "proven" });
  mark(turn, type, [name], "compare");
}

/** As others know it. */
export function ownVersion({ version, standIn }: Pick<Item, "version" | "standIn">): string {
  return standIn?.of ?? version;
}
