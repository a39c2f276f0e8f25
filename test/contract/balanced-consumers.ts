import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** Consumers that share the partitions of a hub, each a process of its own (testdata/balanced-consumer.ts). */

export interface ConsumerSettings {
  /** Connection strings of the hub's namespace and of the storage account. */
  readonly hub: string;
  readonly blobs: string;
  readonly container: string;
}

/** What a consumer tells: a partition's reader came or went, an event was handed out, the checkpoint stands at an event, or it has ended. */
export type ConsumerSays =
  | { readonly opened: string }
  | { readonly closed: string }
  | { readonly event: string }
  | { readonly checkpoint: string }
  | { readonly ended: true };

export interface BalancedConsumer {
  /** Partitions that it reads. */
  readonly reading: ReadonlySet<string>;
  /** Closes its readers and its client, then ends. */
  readonly end: () => Promise<void>;
  /** Without a word to anybody. */
  readonly kill: () => Promise<void>;
}

export interface BalancedConsumers extends AsyncDisposable {
  readonly join: () => BalancedConsumer;
  /** How often each event was handed out, by its body. */
  readonly seen: ReadonlyMap<string, number>;
  /** Bodies of events at which a checkpoint stood. */
  readonly checkpoints: ReadonlySet<string>;
  /** Resolves when it is so; fails when it is not so in time. */
  readonly until: (what: string, condition: () => boolean) => Promise<void>;
}

/** Milliseconds: far more than a takeover needs, as the machine may be busy. */
const limit = 60_000;
const program = new URL("testdata/balanced-consumer.ts", import.meta.url);

export function createBalancedConsumers(settings: ConsumerSettings): BalancedConsumers {
  const seen = new Map<string, number>();
  const checkpoints = new Set<string>();
  const running = new Set<ChildProcess>();
  const changes = new EventTarget();
  const changed = (): boolean => changes.dispatchEvent(new Event("change"));

  async function kill(child: ChildProcess): Promise<void> {
    running.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  async function until(what: string, condition: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(limit);
    while (!condition()) {
      const change = once(changes, "change", { signal: late });
      await change.catch((cause: unknown) => {
        throw new Error(`not in time: ${what}`, { cause });
      });
    }
  }

  return {
    seen,
    checkpoints,
    until,
    join() {
      const reading = new Set<string>();
      let ended = false;
      const child = fork(program, [JSON.stringify(settings)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
      running.add(child);
      child.on("message", (message) => {
        const said = message as ConsumerSays;
        if ("opened" in said) reading.add(said.opened);
        else if ("closed" in said) reading.delete(said.closed);
        else if ("event" in said) seen.set(said.event, (seen.get(said.event) ?? 0) + 1);
        else if ("checkpoint" in said) checkpoints.add(said.checkpoint);
        else ended = true;
        changed();
      });
      return {
        reading,
        async end() {
          child.send("end");
          await until("a consumer ends", () => ended);
          await kill(child);
        },
        kill: () => kill(child),
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...running].map(kill));
    },
  };
}
