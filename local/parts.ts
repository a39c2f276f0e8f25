import { type PartOptions, type PartProcess, startPart } from "./part-process.ts";

/** How to start a part; `again` says where it was, so that whoever knows its address finds it there after a restart. */
export type DescribePart<Ready> = (again: Ready | undefined) => Pick<PartOptions, "args" | "env">;

export interface PartsOptions {
  readonly logFile: (name: string) => string;
  /** How long a part may take to become ready. Milliseconds. */
  readonly readyLimit: number;
  /** A part ended, and nobody had asked it to. */
  readonly lost: (why: string) => void;
}

/** The processes of a local mesh, ended in the reverse order of their start. */
export interface Parts extends AsyncDisposable {
  readonly start: <Ready>(name: string, describe: DescribePart<Ready>) => Promise<PartProcess<Ready>>;
  /** In the order in which they were first started. */
  readonly all: () => readonly PartProcess<unknown>[];
  /** SIGKILL, as a crash of the machine would be; the part stays down until it is revived. */
  readonly kill: (name: string) => Promise<void>;
  /** SIGTERM, as Kubernetes ends a pod; resolves when the part has ended in order, or by force after a while. It stays down until it is revived. */
  readonly stop: (name: string) => Promise<void>;
  /** Starts a part that is down again, where it was and with the data that it had on disk. */
  readonly revive: (name: string) => Promise<void>;
}

interface Entry {
  readonly describe: DescribePart<unknown>;
  part: PartProcess<unknown>;
}

export function createParts({ logFile, readyLimit, lost }: PartsOptions): Parts {
  const entries = new Map<string, Entry>();
  const run = <Ready>(name: string, program: Pick<PartOptions, "args" | "env">): Promise<PartProcess<Ready>> =>
    startPart<Ready>({
      name,
      ...program,
      logFile: logFile(name),
      readyLimit,
      onLost: (part, how) => lost(`${part} ended by itself (${how}); its log is ${logFile(part)}`),
    });
  const entryOf = (name: string): Entry => {
    const entry = entries.get(name);
    if (entry === undefined) throw new Error(`there is no part ${name}: ${[...entries.keys()].join(", ")}`);
    return entry;
  };
  return {
    async start<Ready>(name: string, describe: DescribePart<Ready>) {
      const part = await run<Ready>(name, describe(undefined));
      entries.set(name, { describe: describe as DescribePart<unknown>, part });
      return part;
    },
    all: () => [...entries.values()].map(({ part }) => part),
    kill: (name) => entryOf(name).part.kill(),
    stop: async (name) => await entryOf(name).part[Symbol.asyncDispose](),
    async revive(name) {
      const entry = entryOf(name);
      if (entry.part.running) throw new Error(`${name} is running`);
      entry.part = await run(name, entry.describe(entry.part.ready));
    },
    async [Symbol.asyncDispose]() {
      for (const { part } of [...entries.values()].reverse()) await part[Symbol.asyncDispose]();
    },
  };
}
