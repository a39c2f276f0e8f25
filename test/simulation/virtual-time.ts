import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { createIdealSignatures } from "./ideal-signatures.ts";
import type { Random } from "./random.ts";

/** A process of the simulation. What waits for one that is dead never comes; what waits for one that is paused comes, in its order, when it goes on. */
export interface Actor {
  readonly name: string;
  alive: boolean;
}

/**
 * Time and chance of one history. While it is installed, every timer, every clock and every source of chance of this process is the history's own, so real
 * code runs unchanged and nothing of it can reach the real ones.
 */
export interface VirtualTime extends Disposable {
  /** Virtual milliseconds since the history began. */
  now(): number;
  /** Calls back after so many milliseconds, on behalf of an actor or of nobody. */
  after(milliseconds: number, actor: Actor | undefined, callback: () => void): Disposable;
  /** Runs `work` as the actor: its timers are the actor's. */
  as<T>(actor: Actor, work: () => T): T;
  /** Nothing reaches the actor for so many milliseconds, or until it is told to go on. */
  pause(actor: Actor, milliseconds: number): void;
  goOn(actor: Actor): void;
  /** Lets time pass, event by event, until `done` (asked after each) or the deadline; false at the deadline. */
  run(deadline: number, done: () => boolean): Promise<boolean>;
  /** Events so far. */
  readonly steps: number;
}

interface Entry {
  at: number;
  readonly order: number;
  readonly actor: Actor | undefined;
  readonly callback: () => void;
  cancelled: boolean;
}

/** The history begins then. */
const epoch = Date.UTC(2026, 0, 1, 12);

const realSetImmediate = setImmediate;

export function installVirtualTime(random: Random): VirtualTime {
  const queue = createQueue();
  const current = new AsyncLocalStorage<Actor | undefined>();
  /** Those that are paused, each with what waits for it. */
  const paused = new Map<Actor, { readonly entries: Entry[]; end: Disposable }>();
  let now = 0;
  let steps = 0;
  const after = (milliseconds: number, actor: Actor | undefined, callback: () => void): Disposable => {
    const entry = queue.add(now + Math.max(0, milliseconds), actor, callback);
    return {
      [Symbol.dispose]() {
        entry.cancelled = true;
      },
    };
  };
  const goOn = (actor: Actor): void => {
    const waiting = paused.get(actor);
    paused.delete(actor);
    waiting?.end[Symbol.dispose]();
    for (const entry of waiting?.entries ?? []) queue.add(now, actor, entry.callback, entry);
  };
  const uninstall = replaceGlobals({
    now: () => now,
    timer: (milliseconds, callback) => after(milliseconds, current.getStore(), callback),
    random,
  });
  return {
    now: () => now,
    after,
    as: (actor, work) => current.run(actor, work),
    pause(actor, milliseconds) {
      const before = paused.get(actor);
      before?.end[Symbol.dispose]();
      const end = after(milliseconds, undefined, () => goOn(actor));
      paused.set(actor, { entries: before?.entries ?? [], end });
    },
    goOn,
    get steps() {
      return steps;
    },
    async run(deadline, done) {
      for (;;) {
        await turn();
        if (done()) return true;
        const entry = queue.take(deadline);
        if (entry === undefined) {
          now = Math.max(now, deadline);
          return false;
        }
        now = Math.max(now, entry.at);
        const { actor } = entry;
        if (entry.cancelled || actor?.alive === false) continue;
        const waiting = actor && paused.get(actor);
        if (waiting !== undefined) waiting.entries.push(entry);
        else {
          steps++;
          current.run(actor, entry.callback);
        }
      }
    },
    [Symbol.dispose]: uninstall,
  };
}

/** All promises that can go on have gone on when the next real turn begins. */
function turn(): Promise<void> {
  return new Promise((resolve) => realSetImmediate(resolve));
}

interface Queue {
  /** `instead` is an entry that is put off: who holds it can still cancel it. */
  add(at: number, actor: Actor | undefined, callback: () => void, instead?: Entry): Entry;
  /** The next one, unless it is after the deadline. */
  take(deadline: number): Entry | undefined;
}

/** A binary heap by time; what is due at one time comes in the order in which it was added. */
function createQueue(): Queue {
  const heap: Entry[] = [];
  let added = 0;
  const before = (a: Entry | undefined, b: Entry | undefined): boolean =>
    a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));
  const swap = (a: number, b: number): void => {
    const [left, right] = [heap[a], heap[b]];
    if (left === undefined || right === undefined) return;
    heap[a] = right;
    heap[b] = left;
  };
  const sink = (): void => {
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const least = before(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!before(heap[least], heap[index])) return;
      swap(index, least);
      index = least;
    }
  };
  return {
    add(at, actor, callback, instead) {
      const entry: Entry = { at, order: added++, actor, callback, cancelled: false };
      if (instead !== undefined) Object.defineProperty(entry, "cancelled", { get: () => instead.cancelled });
      heap.push(entry);
      for (let index = heap.length - 1; index > 0; ) {
        const parent = (index - 1) >> 1;
        if (!before(heap[index], heap[parent])) break;
        swap(index, parent);
        index = parent;
      }
      return entry;
    },
    take(deadline) {
      const first = heap[0];
      if (first === undefined || first.at > deadline) return undefined;
      const last = heap.pop();
      if (last !== undefined && last !== first) {
        heap[0] = last;
        sink();
      }
      return first;
    },
  };
}

interface Sources {
  /** Milliseconds since the history began. */
  readonly now: () => number;
  readonly timer: (milliseconds: number, callback: () => void) => Disposable;
  readonly random: Random;
}

const require = createRequire(import.meta.url);
const cryptoModule = require("node:crypto") as Record<string, unknown>;
const timersModule = require("node:timers/promises") as Record<string, unknown>;

/** Puts the history's own in the place of the process's; returns the way back. */
function replaceGlobals({ now, timer, random }: Sources): () => void {
  const replaced: (() => void)[] = [];
  const replace = (target: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(target, name);
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
    replaced.push(() => {
      if (before === undefined) Reflect.deleteProperty(target, name);
      else Object.defineProperty(target, name, before);
    });
  };
  const RealDate = Date;
  class VirtualDate extends RealDate {
    constructor(...values: unknown[]) {
      if (values.length === 0) super(epoch + now());
      else super(...(values as [number]));
    }
    static override now(): number {
      return epoch + Math.floor(now());
    }
  }
  const start = (callback: (...values: unknown[]) => void, milliseconds = 0, ...values: unknown[]): unknown =>
    timerHandle(timer(milliseconds, () => callback(...values)));
  const repeat = (callback: () => void, milliseconds = 0): unknown => {
    let next: Disposable | undefined;
    const again = (): void => {
      next = timer(milliseconds, () => {
        again();
        callback();
      });
    };
    again();
    return timerHandle({ [Symbol.dispose]: () => next?.[Symbol.dispose]() });
  };
  const clear = (handle: unknown): void => {
    if (isDisposable(handle)) handle[Symbol.dispose]();
  };
  replace(globalThis, "Date", VirtualDate);
  replace(globalThis.performance, "now", now);
  replace(globalThis, "setTimeout", start);
  replace(globalThis, "setInterval", repeat);
  replace(globalThis, "setImmediate", (callback: () => void) => start(callback));
  for (const name of ["clearTimeout", "clearInterval", "clearImmediate"]) replace(globalThis, name, clear);
  replace(AbortSignal, "timeout", (milliseconds: number) => {
    const controller = new AbortController();
    timer(milliseconds, () => controller.abort());
    return controller.signal;
  });
  replace(Math, "random", random.next);
  replace(timersModule, "setTimeout", (milliseconds = 0, value?: unknown) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    timer(milliseconds, () => resolve(value));
    return promise;
  });
  const signatures = createIdealSignatures();
  for (const [name, made] of Object.entries(signatures)) replace(cryptoModule, name, made);
  replace(cryptoModule, "randomBytes", random.bytes);
  replace(cryptoModule, "randomUUID", () => {
    const hex = random.bytes(16).toString("hex");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  });
  syncBuiltinESMExports();
  return () => {
    for (const restore of replaced.reverse()) restore();
    syncBuiltinESMExports();
  };
}

function timerHandle(timer: Disposable): object {
  const handle = {
    unref: () => handle,
    ref: () => handle,
    hasRef: () => false,
    [Symbol.dispose]: timer[Symbol.dispose],
  };
  return handle;
}

function isDisposable(value: unknown): value is Disposable {
  return typeof value === "object" && value !== null && Symbol.dispose in value;
}
