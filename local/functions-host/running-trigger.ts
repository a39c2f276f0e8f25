import type { RetryContext, TypedData } from "./app/core-api.ts";
import type { RegisteredFunction } from "./app/registry.ts";
import type { AppSettings } from "./app-settings.ts";
import type { HostJson } from "./host-json.ts";
import type { RetryPolicy } from "./retry-policy.ts";

/** What every trigger is given to run one function. */
export interface TriggerContext {
  readonly function: RegisteredFunction;
  /** The trigger's binding with every %SETTING% replaced. */
  readonly binding: Readonly<Record<string, unknown>>;
  readonly settings: AppSettings;
  readonly hostJson: HostJson;
  readonly capabilities: Readonly<Record<string, string>>;
  readonly policy: RetryPolicy;
  /** Fires when the host stops. */
  readonly signal: AbortSignal;
  /** Folder for what must survive a restart; `undefined` keeps it in memory. */
  readonly dir: string | undefined;
  /** Runs the function once, outputs included. @throws when it failed. */
  invoke(
    data: TypedData,
    metadata: Readonly<Record<string, TypedData>>,
    retry: RetryContext | undefined,
  ): Promise<void>;
  log(level: "information" | "warning" | "error", message: string): void;
}

/** A trigger at work. Disposing it lets what runs end. */
export type RunningTrigger = AsyncDisposable;
