/** How a write is asked for. */
import type { Kind } from "../kinds/kind.ts";

export interface WriteOptions {
  /** Everything but the storing. */
  readonly dryRun: boolean;
  /** Who writes, as noted in managedFields. */
  readonly fieldManager: string;
  /** What happens to fields that the schema does not know. */
  readonly fieldValidation: "Ignore" | "Warn" | "Strict";
  /** Server-side apply takes fields over from other managers. */
  readonly force: boolean;
  /** Gets texts for the answer's Warning headers. */
  warn(text: string): void;
}

/** One object, or the place where it will be. */
export interface Target {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: "status" | undefined;
}
