/** What the data plane and a pod's shim say to each other over the process channel. */

/** One program of a pod: a container's, or the sidecar. */
export interface ProgramSpec {
  /** Unique in the pod: the container's name. */
  readonly name: string;
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** Both outputs are appended here. */
  readonly logPath: string;
  /** User and group to run as; absent: the shim's own, root. */
  readonly uid?: number;
  readonly gid?: number;
}

/** Asked of 127.0.0.1 inside the pod, past the interception. */
export type ProbeCheck =
  | { readonly kind: "tcp"; readonly port: number }
  | {
      readonly kind: "http";
      readonly scheme: "http" | "https";
      readonly port: number;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
    };

export interface ProbeResult {
  readonly ok: boolean;
  /** Why not, for a person. */
  readonly detail: string;
}

export type ShimRequest =
  | { readonly kind: "start"; readonly program: ProgramSpec }
  /** SIGKILL reaches all processes that the program started; any other signal the program alone. */
  | { readonly kind: "signal"; readonly name: string; readonly signal: NodeJS.Signals }
  | { readonly kind: "probe"; readonly id: number; readonly check: ProbeCheck; readonly timeoutMs: number };

export type ShimReport =
  | { readonly kind: "listening" }
  | { readonly kind: "started"; readonly name: string; readonly pid: number }
  | { readonly kind: "failed"; readonly name: string; readonly message: string }
  | { readonly kind: "exited"; readonly name: string; readonly code: number; readonly signal: string | null }
  | { readonly kind: "probed"; readonly id: number; readonly result: ProbeResult };
