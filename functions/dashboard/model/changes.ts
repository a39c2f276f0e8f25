import type { ObjectKey } from "../../../shared/core/object.ts";
import type { Change, ChangeCause, ChangeTotals, ProxyReport } from "../../../shared/store/documents.ts";

/** A change on its way from a cluster's object to the proxies. */
export interface ChangeModel {
  readonly version: number;
  readonly causes: readonly CauseModel[];
  readonly moreCauses: number;
  readonly resources: Change["resources"];
  /** In the order in which they happened. */
  readonly stages: readonly StageModel[];
  /** Milliseconds from the first stage to the last. */
  readonly total: number;
  readonly acknowledged: { readonly proxies: number; readonly settled: number; readonly refused: number };
  /** `waiting`: nobody has acknowledged it yet, or nobody is connected. */
  readonly state: "settled" | "settling" | "waiting" | "refused";
}

export interface CauseModel {
  readonly object: ObjectKey;
  readonly what: ChangeCause["what"];
  readonly manager?: string;
  readonly generation?: number;
}

type StageName = "seen" | "ingested" | "compiled" | "published" | "first ACK" | "last ACK";

interface StageModel {
  readonly stage: StageName;
  /** ISO 8601 */
  readonly time: string;
  /** Milliseconds since the stage before; 0 for the first. Below 0 when clocks differ. */
  readonly since: number;
}

/** Newest first. Pure. */
export function buildChanges(changes: readonly Change[], report: ProxyReport | undefined): readonly ChangeModel[] {
  return changes.map((change) => changeOf(change, totalsOf(change, report))).toSorted((a, b) => b.version - a.version);
}

function changeOf(change: Change, totals: ChangeTotals | undefined): ChangeModel {
  const stages = stagesOf(change, totals);
  const [first] = stages;
  const last = stages.at(-1);
  return {
    version: change.version,
    causes: change.causes.map(({ object, what, cause: { manager, generation } }) => ({
      object,
      what,
      ...(manager !== undefined && { manager }),
      ...(generation !== undefined && { generation }),
    })),
    moreCauses: change.moreCauses,
    resources: change.resources,
    stages,
    total: first === undefined || last === undefined ? 0 : Date.parse(last.time) - Date.parse(first.time),
    acknowledged: { proxies: totals?.proxies ?? 0, settled: totals?.settled ?? 0, refused: totals?.refused ?? 0 },
    state: stateOf(totals),
  };
}

function stagesOf(change: Change, totals: ChangeTotals | undefined): readonly StageModel[] {
  const [seen] = change.causes.map(({ time }) => time).toSorted();
  const times: (readonly [StageName, string | undefined])[] = [
    ["seen", seen],
    ...change.stages.map(({ stage, time }) => [stage, time] as const),
    ["first ACK", totals?.first],
    ["last ACK", totals?.last],
  ];
  const stages: StageModel[] = [];
  for (const [stage, time] of times) {
    if (time === undefined) continue;
    const before = stages.at(-1);
    stages.push({ stage, time, since: before === undefined ? 0 : Date.parse(time) - Date.parse(before.time) });
  }
  return stages;
}

/** What the gateway says now; what is stored with the change stands when it says nothing of it any more. */
function totalsOf({ version, acknowledged }: Change, report: ProxyReport | undefined): ChangeTotals | undefined {
  const told = report?.changes.find((totals) => totals.version === version);
  return told === undefined ? acknowledged : { ...acknowledged, ...told };
}

function stateOf(totals: ChangeTotals | undefined): ChangeModel["state"] {
  if (totals === undefined || totals.proxies === 0) return "waiting";
  if (totals.settled >= totals.proxies) return "settled";
  if (totals.refused > 0) return "refused";
  return totals.settled === 0 ? "waiting" : "settling";
}
