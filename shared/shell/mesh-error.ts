/** Codes of our own faults and of the cloud's. A user's mistake is a Problem, never one of these. */
export type MeshErrorCode =
  | "precondition-failed"
  | "throttled"
  | "too-large"
  | "unavailable"
  | "block-damaged"
  | "config-invalid"
  | "unexpected";

/** A fault: thrown, and handled once, at the trigger or the stream driver (style.md §5.6). */
export class MeshError extends Error {
  readonly code: MeshErrorCode;

  constructor(code: MeshErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MeshError";
    this.code = code;
  }

  static from(error: unknown): MeshError {
    if (error instanceof MeshError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new MeshError("unexpected", message, { cause: error });
  }
}
