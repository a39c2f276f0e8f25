import type { AccountKey, ClassKey } from "../../shared/core/mesh/mesh.ts";

/** What a class has, and what it is about to have. */
export interface ClassChange {
  readonly key: ClassKey;
  readonly account: AccountKey;
  /** Of its proxies that have acknowledged a view; undefined: none has. */
  readonly before: Before | undefined;
  readonly after: Standing;
}

export interface Standing {
  /** Ports with an inbound chain. */
  readonly ports: ReadonlySet<string>;
  /** Accounts that it dials. */
  readonly reaches: Pick<ReadonlySet<AccountKey>, "has">;
}

interface Before extends Standing {
  /** Those that all of its proxies have; `ports` are those that any has. */
  readonly portsOfAll: ReadonlySet<string>;
}

/** Which classes have to acknowledge first. */
export interface Wait {
  /** Before this class gets its view. */
  readonly forView: readonly ClassKey[];
  /** Before this class loses inbound chains. It gets the rest of its view with the others. */
  readonly forChains: readonly ClassKey[];
}

/**
 * The order between streams (design.md §5, Streams: Order): a server has its chain before clients have its endpoints, and keeps it until they have left. Classes that
 * are not in the answer wait for nobody; a class that gains a chain never does.
 */
export function planWaves(changes: readonly ClassChange[]): ReadonlyMap<ClassKey, Wait> {
  const gaining = changes.filter(({ before, after }) => before && !isWithin(after.ports, before.portsOfAll));
  const losing = changes.filter(({ before, after }) => before && !isWithin(before.ports, after.ports));
  const waits = new Map<ClassKey, Wait>();
  if (gaining.length + losing.length === 0) return waits;
  for (const change of changes) {
    if (change.before === undefined || gaining.includes(change)) continue;
    const forView = gaining.filter(({ account }) => change.after.reaches.has(account)).map(({ key }) => key);
    const forChains = losing.includes(change) ? clientsOf(change, changes) : [];
    if (forView.length + forChains.length > 0) waits.set(change.key, { forView, forChains });
  }
  return waits;
}

function clientsOf({ key, account }: ClassChange, changes: readonly ClassChange[]): readonly ClassKey[] {
  return changes.filter((other) => other.key !== key && other.before?.reaches.has(account)).map((other) => other.key);
}

function isWithin<T>(some: ReadonlySet<T>, all: ReadonlySet<T>): boolean {
  for (const one of some) if (!all.has(one)) return false;
  return true;
}
