/**
 * The one module through which `@azure/functions` talks to its host: `@azure/functions-core`. It is on no registry; the platform's
 * worker injects it. These are the parts of its shapes that the library uses (spec/azure.md §1.2, §1.4).
 */

export type LogLevel = "trace" | "debug" | "information" | "warning" | "error" | "critical" | "none";
export type LogCategory = "user" | "system" | "customMetric";

/** A value on its way between host and app: exactly one of the fields is set. */
export interface TypedData {
  readonly string?: string;
  readonly json?: string;
  readonly bytes?: Uint8Array;
  readonly stream?: Uint8Array;
  readonly http?: HttpData;
  readonly int?: number;
  readonly double?: number;
  readonly collectionString?: { readonly string: readonly string[] };
  readonly collectionBytes?: { readonly bytes: readonly Uint8Array[] };
  readonly collectionSint64?: { readonly sint64: readonly number[] };
}

export interface HttpData {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: TypedData | null;
  readonly statusCode?: string;
  readonly cookies?: readonly HttpCookie[];
}

export interface HttpCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: NullableValue<string>;
  readonly path?: NullableValue<string>;
  /** A protobuf timestamp. */
  readonly expires?: { readonly value?: { readonly seconds?: number } };
  readonly secure?: NullableValue<boolean>;
  readonly httpOnly?: NullableValue<boolean>;
  /** 0 none asked, 1 lax, 2 strict, 3 explicit none. */
  readonly sameSite?: number | string;
  readonly maxAge?: NullableValue<number>;
}

interface NullableValue<T> {
  readonly value?: T;
}

/** What an app declares for one trigger, input or output. Which further fields there are depends on `type`. */
export interface Binding {
  readonly type?: string;
  readonly direction?: string;
  readonly [option: string]: unknown;
}

/** The retry policy as the library hands it over: intervals already rounded to whole seconds (spec/azure.md §1.5.5). */
export interface RetryOptions {
  readonly retryStrategy?: string;
  /** −1 means for ever. */
  readonly maxRetryCount?: number;
  readonly delayInterval?: Duration;
  readonly minimumInterval?: Duration;
  readonly maximumInterval?: Duration;
}

interface Duration {
  readonly seconds?: number;
}

export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly retryOptions?: RetryOptions;
}

export type FunctionCallback = (...parameters: unknown[]) => unknown;

/** What an invocation is told about earlier attempts at it. */
export interface RetryContext {
  readonly retryCount: number;
  readonly maxRetryCount: number;
  readonly exception?: { readonly message: string; readonly source?: string; readonly stackTrace?: string };
}

interface InvocationRequest {
  readonly invocationId: string;
  readonly functionId: string;
  readonly inputData: readonly { readonly name: string; readonly data: TypedData }[];
  readonly triggerMetadata: Readonly<Record<string, TypedData>>;
  readonly traceContext: {
    readonly traceParent: string;
    readonly traceState: string;
    readonly attributes: Readonly<Record<string, string>>;
  };
  readonly retryContext?: RetryContext;
}

export interface InvocationResponse {
  readonly invocationId: string;
  readonly outputData?: readonly { readonly name: string; readonly data: TypedData }[];
  readonly returnValue?: TypedData | null;
}

/** `state` is mutable because the library reads it at the time of every log call to tell late ones. */
export interface CoreInvocationContext {
  readonly invocationId: string;
  readonly metadata: FunctionMetadata;
  readonly request: InvocationRequest;
  state: "preInvocationHooks" | "invocation" | "postInvocationHooks" | undefined;
  log(level: LogLevel, category: LogCategory, message: string): void;
}

interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], handler: FunctionCallback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel | Promise<InvocationModel>;
  getCapabilities?(offered: Record<string, string>): Promise<Record<string, string>>;
}

export type HookName = "preInvocation" | "postInvocation" | "appStart" | "appTerminate" | "log";
export type HookCallback = (context: unknown) => unknown;

/** The module that `require('@azure/functions-core')` answers. */
export interface CoreModule {
  readonly version: string;
  readonly hostVersion: string;
  readonly Disposable: new (release: () => void) => { dispose(): void };
  registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): { dispose(): void };
  registerHook(name: HookName, callback: HookCallback): { dispose(): void };
  setProgrammingModel(model: ProgrammingModel): void;
  getProgrammingModel(): ProgrammingModel | undefined;
  log(level: LogLevel, category: LogCategory, message: string): void;
}
