import type { LocalServing, PinAct } from "../../../shared/store/documents.ts";

/** What did not follow from an object of the cluster. */
export type ActModel = (PinAct & { readonly kind: "pin" }) | (LocalServing & { readonly kind: "local" });

const listedActs = 20;

/** Newest first. Pure. */
export function buildActs(pins: readonly PinAct[], local: readonly LocalServing[]): readonly ActModel[] {
  return [
    ...pins.map((act) => ({ kind: "pin" as const, ...act })),
    ...local.map((serving) => ({ kind: "local" as const, ...serving })),
  ]
    .toSorted((a, b) => timeOf(b).localeCompare(timeOf(a)))
    .slice(0, listedActs);
}

function timeOf(act: ActModel): string {
  return act.kind === "pin" ? act.when : act.from;
}
