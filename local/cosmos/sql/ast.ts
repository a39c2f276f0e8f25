import type { Json } from "../store/json.ts";

export type ComparisonOperator = "=" | "!=" | "<" | "<=" | ">" | ">=";

export type Expression =
  | { readonly kind: "literal"; readonly value: Json | undefined }
  | { readonly kind: "parameter"; readonly name: string }
  /** A path into the document; no steps is the document itself. */
  | { readonly kind: "path"; readonly steps: readonly (string | number)[] }
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "logical"; readonly operator: "AND" | "OR"; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: "comparison";
      readonly operator: ComparisonOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: "in"; readonly operand: Expression; readonly list: readonly Expression[] }
  | { readonly kind: "call"; readonly name: string; readonly operands: readonly Expression[] }
  | { readonly kind: "array"; readonly elements: readonly Expression[] }
  | { readonly kind: "object"; readonly properties: readonly Field[] };

export interface Field {
  readonly name: string;
  readonly expression: Expression;
}

export type Selection =
  /** `SELECT *` */
  | { readonly kind: "document" }
  | { readonly kind: "value"; readonly expression: Expression }
  | { readonly kind: "fields"; readonly fields: readonly Field[] }
  /**
   * `COUNT(expression)`; without a name it is `SELECT VALUE COUNT(…)`. One part of a sum over several ranges has the form
   * `SELECT VALUE [{"item": COUNT(…)}]`.
   */
  | {
      readonly kind: "count";
      readonly expression: Expression;
      readonly name: string | undefined;
      readonly isPart: boolean;
    };

export interface Ordering {
  readonly expression: Expression;
  readonly descending: boolean;
}

export interface Query {
  readonly selection: Selection;
  readonly where: Expression | undefined;
  readonly orderBy: readonly Ordering[];
  /** `TOP` or `LIMIT`. */
  readonly limit: Expression | undefined;
  readonly offset: Expression | undefined;
}
