export type FunctionsHostErrorCode =
  | "app-not-found"
  | "app-not-loaded"
  | "setting-missing"
  | "setting-invalid"
  | "host-json-invalid"
  | "function-invalid"
  | "connection-failed";

/** A fault of the app or its settings that keeps the host from starting. The message is one line that a user can act on. */
export class FunctionsHostError extends Error {
  readonly code: FunctionsHostErrorCode;

  constructor(code: FunctionsHostErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "FunctionsHostError";
    this.code = code;
  }
}

/** The first line of whatever was thrown. */
export function firstLine(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.split("\n", 1)[0] ?? "";
}
