import type { AppName } from "./columns.ts";
import type { Row } from "./rows.ts";

/** What a row's cell holds once it is decided: a part of the JSON result. */
export interface Cell {
  readonly app: AppName;
  readonly expected: string;
  readonly seen: string;
  readonly ok: boolean;
}

export interface Step {
  /** `5b split 100 / 0` */
  readonly name: string;
  /** From the API write to the last acknowledgement, milliseconds; null when it did not come. */
  readonly ackMs: number | null;
  readonly cells: readonly Cell[];
  /** What went wrong beside the cells. */
  readonly problem?: string;
}

/** A cell while its row is watched. */
export interface LiveCell {
  readonly app: AppName;
  readonly state: "ok" | "undecided" | "failed";
  readonly seen: string;
  readonly evidence: number;
}

/** What happens during a walk, in this order for each row; `observed` again and again. */
export type WalkProgress =
  | { readonly kind: "row-started"; readonly row: Row }
  | { readonly kind: "acknowledged"; readonly row: Row; readonly ackMs: number; readonly proxies: number }
  | { readonly kind: "observed"; readonly row: Row; readonly cells: readonly LiveCell[] }
  | { readonly kind: "row-ended"; readonly row: Row; readonly step: Step };

export function isOk({ cells, problem }: Step): boolean {
  return problem === undefined && cells.every(({ ok }) => ok);
}
