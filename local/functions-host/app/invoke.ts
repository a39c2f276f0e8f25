import { randomBytes, randomUUID } from "node:crypto";
import type {
  Binding,
  CoreInvocationContext,
  InvocationResponse,
  LogCategory,
  LogLevel,
  RetryContext,
  TypedData,
} from "./core-api.ts";
import type { LoadedApp } from "./load-app.ts";
import type { RegisteredFunction } from "./registry.ts";

export interface Invocation {
  readonly function: RegisteredFunction;
  readonly data: TypedData;
  readonly metadata: Readonly<Record<string, TypedData>>;
  readonly retry?: RetryContext;
  /** Given where the caller must know the id beforehand (streamed HTTP). */
  readonly invocationId?: string;
  /** Fires when nobody waits for its end any more: a stop does not wait either. */
  readonly abandoned?: AbortSignal;
}

export type LogInvocation = (line: {
  readonly functionName: string;
  readonly invocationId: string;
  readonly level: LogLevel;
  readonly category: LogCategory;
  readonly message: string;
}) => void;

export interface Invoked {
  readonly response: InvocationResponse;
  /** Whether the handler returned anything at all; a streamed answer leaves no other trace in the response. */
  readonly answered: boolean;
}

/** The trigger among a function's bindings, with the name under which its data travels. */
export function triggerOf(fn: RegisteredFunction): { readonly name: string; readonly binding: Binding } | undefined {
  for (const [name, binding] of Object.entries(fn.metadata.bindings)) {
    if (/trigger$/i.test(binding.type ?? "")) return { name, binding };
  }
  return undefined;
}

/**
 * Runs a function once, in the order of the platform's worker: arguments, hooks before, handler, hooks after, the error if there
 * still is one, the response (spec/azure.md §1.4).
 *
 * @throws whatever the handler or a hook threw.
 */
export async function invoke(app: LoadedApp, invocation: Invocation, log: LogInvocation): Promise<Invoked> {
  const { metadata, callback } = invocation.function;
  if (app.model === undefined) throw new Error("The app has set no programming model.");
  const core = createCoreContext(invocation, log);
  const model = await app.model.getInvocationModel(core);
  const { context, inputs } = await model.getArguments();

  const hookData = {};
  const shared = { hookData, appHookData: app.appHookData, invocationContext: context };
  const before = { ...shared, functionCallback: callback, inputs };
  core.state = "preInvocationHooks";
  for (const hook of app.registry.hooks("preInvocation")) await hook(before);

  const after: { result: unknown; error: unknown } & Record<string, unknown> = {
    ...shared,
    inputs: before.inputs,
    result: null,
    error: null,
  };
  core.state = "invocation";
  try {
    after.result = await model.invokeFunction(context, before.inputs, before.functionCallback);
  } catch (thrown) {
    after.error = thrown ?? new Error(`${metadata.name} threw nothing in particular.`);
  }
  core.state = "postInvocationHooks";
  for (const hook of app.registry.hooks("postInvocation")) await hook(after);
  core.state = undefined;
  if (after.error !== null && after.error !== undefined) throw after.error;
  const response = await model.getResponse(context, after.result);
  return { response, answered: after.result !== null && after.result !== undefined };
}

function createCoreContext(invocation: Invocation, log: LogInvocation): CoreInvocationContext {
  const { metadata } = invocation.function;
  const invocationId = invocation.invocationId ?? randomUUID();
  const trigger = triggerOf(invocation.function);
  return {
    invocationId,
    metadata,
    request: {
      invocationId,
      functionId: metadata.name,
      inputData: trigger === undefined ? [] : [{ name: trigger.name, data: invocation.data }],
      triggerMetadata: invocation.metadata,
      traceContext: {
        traceParent: `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-00`,
        traceState: "",
        attributes: {},
      },
      ...(invocation.retry === undefined ? {} : { retryContext: invocation.retry }),
    },
    state: undefined,
    log: (level, category, message) => log({ functionName: metadata.name, invocationId, level, category, message }),
  };
}
