import type { Clock } from "../../shared/ports/clock.ts";
import type { KubernetesClient, KubernetesObject } from "../kubernetes/client.ts";
import { startListWatch } from "../kubernetes/list-watch.ts";

/** A Lease of the gateway's namespace, as it was last seen. */
export interface SeenLease {
  readonly name: string;
  readonly holder: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Renewed within its duration, by our own clock: the holder's may differ. */
  readonly alive: boolean;
  /** Milliseconds since it was renewed. */
  readonly age: number;
}

/** The Leases by which replicas tell each other what they know. */
export interface LeaseWatch extends AsyncDisposable {
  readonly lease: (name: string) => SeenLease | undefined;
  /** By name. */
  readonly leases: () => readonly SeenLease[];
  /** Resolves when all were looked at once. */
  readonly listed: Promise<void>;
  /** With the Lease's name: it came, went, or its annotations changed; a mere renewal tells nothing. */
  readonly onChange: (listener: (name: string) => void) => Disposable;
}

interface Lease extends KubernetesObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

interface Kept {
  readonly lease: Lease;
  /** On the monotonic clock. */
  readonly renewedAt: number;
}

const defaultDuration = 15;

export function startLeaseWatch(options: {
  readonly client: KubernetesClient;
  readonly namespace: string;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly fault: (error: Error) => void;
}): LeaseWatch {
  const { client, namespace, clock, fault } = options;
  const kept = new Map<string, Kept>();
  const listeners = new Set<(name: string) => void>();
  const listed = Promise.withResolvers<void>();
  const tell = (name: string): void => {
    for (const listener of listeners) listener(name);
  };
  const take = (lease: Lease): void => {
    const { name } = lease.metadata;
    const before = kept.get(name);
    const renewed = before?.lease.spec?.renewTime !== lease.spec?.renewTime;
    kept.set(name, { lease, renewedAt: renewed ? renewalOf(lease, before === undefined) : (before?.renewedAt ?? 0) });
    if (before === undefined || annotationsOf(before.lease) !== annotationsOf(lease)) tell(name);
  };
  /** A renewal was seen when it came; one that was there before us is as old as it says. */
  const renewalOf = ({ spec }: Lease, isOld: boolean): number => {
    const age = isOld ? clock.now() - Date.parse(spec?.renewTime ?? "") : 0;
    return clock.monotonic() - (age > 0 ? age : 0);
  };
  const drop = (name: string): void => {
    if (kept.delete(name)) tell(name);
  };
  const seen = ({ lease, renewedAt }: Kept): SeenLease => {
    const { holderIdentity = "", leaseDurationSeconds = defaultDuration } = lease.spec ?? {};
    const age = clock.monotonic() - renewedAt;
    return {
      name: lease.metadata.name,
      holder: holderIdentity,
      annotations: lease.metadata.annotations ?? {},
      alive: holderIdentity !== "" && age < leaseDurationSeconds * 1000,
      age,
    };
  };
  const collection = { group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease", namespace };
  const watch = startListWatch(client, collection, {
    replaced(leases) {
      const names = new Set(leases.map(({ metadata }) => metadata.name));
      for (const name of kept.keys()) if (!names.has(name)) drop(name);
      for (const lease of leases) take(lease);
      listed.resolve();
    },
    applied: take,
    deleted: ({ metadata }) => drop(metadata.name),
    fault,
  });
  return {
    lease(name) {
      const found = kept.get(name);
      return found && seen(found);
    },
    leases: () => [...kept.values()].map(seen).sort((a, b) => (a.name < b.name ? -1 : 1)),
    listed: listed.promise,
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  };
}

function annotationsOf({ metadata }: Lease): string {
  return JSON.stringify(metadata.annotations ?? {});
}
