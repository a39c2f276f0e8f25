import type { LogCategory, LogLevel } from "./app/core-api.ts";
import { type Invocation, type Invoked, invoke } from "./app/invoke.ts";
import type { LoadedApp } from "./app/load-app.ts";
import type { AppSettings } from "./app-settings.ts";
import { runBefallen } from "./faults/befallen.ts";
import type { HostFaults } from "./faults/host-fault.ts";
import { firstLine } from "./functions-host-error.ts";
import { createOutputs } from "./outputs.ts";

/** Runs functions with their outputs, and knows which are running. Disposing it waits for them. */
export interface Invoker extends AsyncDisposable {
  /** @throws what the function threw, or why an output could not be written. */
  invoke(invocation: Invocation): Promise<Invoked>;
  log(name: string, level: LogLevel, message: string): void;
}

export function createInvoker(
  app: LoadedApp,
  { settings, faults }: { readonly settings: AppSettings; readonly faults: HostFaults | undefined },
  log: (name: string, level: LogLevel, category: LogCategory, message: string) => void,
): Invoker {
  const running = new Set<Promise<unknown>>();
  const outputs = createOutputs(settings);

  const run = async (invocation: Invocation): Promise<Invoked> => {
    const { name } = invocation.function.metadata;
    const invoked = await invoke(app, invocation, (line) => {
      // Severity "none" is what the library itself uses for nothing to be shown.
      if (line.level !== "none") log(line.functionName, line.level, line.category, line.message);
    });
    await outputs.write(name, invocation.function.metadata.bindings, invoked.response);
    return invoked;
  };
  return {
    async invoke(invocation) {
      const { name } = invocation.function.metadata;
      const promise = faults === undefined ? run(invocation) : runBefallen(faults, name, () => run(invocation));
      running.add(promise);
      // A handler is not told that its client has left, so it may go on for ever.
      invocation.abandoned?.addEventListener("abort", () => running.delete(promise), { once: true });
      try {
        return await promise;
      } finally {
        running.delete(promise);
      }
    },
    log: (name, level, message) => log(name, level, "system", message),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(running);
      try {
        await outputs[Symbol.asyncDispose]();
      } catch (thrown) {
        log("host", "warning", "system", firstLine(thrown));
      }
    },
  };
}
