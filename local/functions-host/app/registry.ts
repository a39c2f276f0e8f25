import type {
  CoreModule,
  FunctionCallback,
  FunctionMetadata,
  HookCallback,
  HookName,
  LogCategory,
  LogLevel,
  ProgrammingModel,
} from "./core-api.ts";

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

/** What an app has registered, and the module through which it does so. */
export interface Registry {
  readonly core: CoreModule;
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  programmingModel(): ProgrammingModel | undefined;
  hooks(name: HookName): readonly HookCallback[];
  /** From now on a registration throws, as in the platform's worker. */
  lock(): void;
}

/** Host and worker versions that new enough features of the library ask for; neither is the version of anything here. */
const hostVersion = "4.1040.300";
const workerVersion = "3.12.0";

/**
 * @param log receives what the library itself logs, outside any invocation.
 */
export function createRegistry(log: (level: LogLevel, category: LogCategory, message: string) => void): Registry {
  const functions = new Map<string, RegisteredFunction>();
  const hooks = new Map<HookName, HookCallback[]>();
  let model: ProgrammingModel | undefined;
  let locked = false;

  const core: CoreModule = {
    version: workerVersion,
    hostVersion,
    Disposable: Registration,
    registerFunction(metadata, callback) {
      if (locked) throw new Error("A function can only be registered during app startup.");
      if (functions.has(metadata.name)) throw new Error(`A function named "${metadata.name}" is already registered.`);
      functions.set(metadata.name, { metadata, callback });
      return new Registration(() => {
        if (locked) throw new Error("A function can only be disposed during app startup.");
        functions.delete(metadata.name);
      });
    },
    registerHook(name, callback) {
      const registered = hooks.get(name) ?? [];
      hooks.set(name, [...registered, callback]);
      return new Registration(() => {
        hooks.set(
          name,
          (hooks.get(name) ?? []).filter((other) => other !== callback),
        );
      });
    },
    setProgrammingModel(next) {
      model = next;
    },
    getProgrammingModel: () => model,
    log,
  };
  return {
    core,
    functions,
    programmingModel: () => model,
    hooks: (name) => hooks.get(name) ?? [],
    lock() {
      locked = true;
    },
  };
}

class Registration {
  readonly #release: () => void;

  constructor(release: () => void) {
    this.#release = release;
  }

  dispose(): void {
    this.#release();
  }
}
