import { pause } from "../../shared/shell/pause.ts";
import { isRefusal, type KubernetesClient, type KubernetesObject } from "../kubernetes/client.ts";

/** Who holds it publishes; in the gateway's namespace. */
export const publisherLease = "weft-publisher";

/** Annotation of the Lease: the highest epoch anybody took. */
const epochAnnotation = "weft.dev/epoch";

/**
 * A Lease that was removed took along which epochs were taken, and events of those that the head has not seen may still be on their way. An epoch this far
 * above the head, by chance, is none of them: two publishers in one epoch would be folded into one state. Ingest takes larger jumps than this.
 */
const forgottenEpochs = 100_000;

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** Who we are: the pod's name. */
  readonly identity: string;
  /** How long a silent holder keeps it. Milliseconds. */
  readonly duration: number;
  readonly signal: AbortSignal;
  readonly fault: (error: Error) => void;
}

interface Lease extends KubernetesObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

/** A won Lease. It elects, but it does not fence: that is the epoch's work, checked at the head (design.md §3). */
export interface HeldLease {
  /** Aborted when it was lost. */
  readonly lost: AbortSignal;
  /** Renewed within its duration. A process that was paused may have lost it and not noticed yet. */
  readonly isFresh: () => boolean;
  /** Takes an epoch above `atLeast` and everything the Lease remembers, by an update with a resourceVersion precondition. */
  takeEpoch(atLeast: number): Promise<number>;
  /** Tells all replicas. Rejects when the Lease is another's now. */
  annotate(name: string, value: string): Promise<void>;
}

/** Waits until the Lease is ours, runs `work` while it is, and again, until the signal. */
export async function whileHoldingLease(
  client: KubernetesClient,
  options: LeaseOptions,
  work: (lease: HeldLease) => Promise<void>,
): Promise<void> {
  const period = options.duration / 3;
  while (!options.signal.aborted) {
    try {
      if (await tryToHold(client, options)) await hold(client, options, work);
    } catch (error) {
      options.fault(error as Error);
    }
    await pause(period, options.signal);
  }
}

async function hold(
  client: KubernetesClient,
  options: LeaseOptions,
  work: (lease: HeldLease) => Promise<void>,
): Promise<void> {
  const lost = new AbortController();
  const signal = AbortSignal.any([options.signal, lost.signal]);
  let renewed = performance.now();
  const held: HeldLease = {
    lost: signal,
    isFresh: () => performance.now() - renewed <= options.duration,
    takeEpoch: (atLeast) => takeEpoch(client, options, atLeast),
    annotate: (name, value) => changeAnnotation(client, options, { name, next: () => value }).then(() => undefined),
  };
  const working = work(held).finally(() => lost.abort());
  working.catch(() => undefined); // thrown below, once the loop has seen that it ended
  while (!signal.aborted) {
    await pause(options.duration / 3, signal);
    if (signal.aborted) break;
    try {
      if (await tryToHold(client, options)) renewed = performance.now();
      else lost.abort();
    } catch (error) {
      options.fault(error as Error);
      if (performance.now() - renewed > options.duration) lost.abort();
    }
  }
  await working;
  if (options.signal.aborted) await release(client, options);
}

/** Creates, renews or takes over. False when another holds it and is alive, or was faster. */
async function tryToHold(client: KubernetesClient, options: LeaseOptions): Promise<boolean> {
  const lease = await readLease(client, options);
  if (lease !== undefined && lease.spec?.holderIdentity !== options.identity && isAlive(lease)) return false;
  const spec = {
    holderIdentity: options.identity,
    leaseDurationSeconds: Math.ceil(options.duration / 1000),
    renewTime: microTime(),
  };
  try {
    await writeSpec(client, options, { lease, spec });
    return true;
  } catch (error) {
    if (!isRefusal(error, 409)) throw error;
    // Written between our read and our write: by another replica, or by ourselves, when an epoch was taken.
    return (await readLease(client, options))?.spec?.holderIdentity === options.identity;
  }
}

/** A replica that goes on purpose lets the next one begin at once. What fails here is mended by the Lease's own end. */
async function release(client: KubernetesClient, options: LeaseOptions): Promise<void> {
  try {
    const lease = await readLease(client, options);
    if (lease?.spec?.holderIdentity === options.identity)
      await writeSpec(client, options, { lease, spec: { ...lease.spec, holderIdentity: "" } });
  } catch (error) {
    if (!isRefusal(error, 409)) options.fault(error as Error);
  }
}

/** Creates the Lease, or replaces exactly the one that was read. */
async function writeSpec(
  client: KubernetesClient,
  options: LeaseOptions,
  { lease, spec }: { readonly lease: Lease | undefined; readonly spec: NonNullable<Lease["spec"]> },
): Promise<void> {
  if (lease === undefined) {
    const metadata = { name: options.name, namespace: options.namespace };
    await client.call({
      method: "POST",
      path: leasesPath(options),
      body: { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec },
    });
  } else {
    await client.call({
      method: "PUT",
      path: leasePath(options),
      body: { ...lease, spec: { ...lease.spec, ...spec } },
    });
  }
}

async function takeEpoch(client: KubernetesClient, options: LeaseOptions, atLeast: number): Promise<number> {
  const taken = await changeAnnotation(client, options, {
    name: epochAnnotation,
    next(before) {
      if (before === undefined) return String(atLeast + 1 + Math.floor(Math.random() * forgottenEpochs));
      const remembered = Number(before);
      return String(Math.max(Number.isSafeInteger(remembered) ? remembered : 0, atLeast) + 1);
    },
  });
  return Number(taken);
}

/** Returns what was written, by whoever holds the Lease, on exactly the one that was read. */
async function changeAnnotation(
  client: KubernetesClient,
  options: LeaseOptions,
  { name, next }: { readonly name: string; readonly next: (before: string | undefined) => string },
): Promise<string> {
  for (;;) {
    const lease = await readLease(client, options);
    if (lease === undefined || lease.spec?.holderIdentity !== options.identity)
      throw new Error("the Lease is another's now");
    const value = next(lease.metadata.annotations?.[name]);
    const metadata = { ...lease.metadata, annotations: { ...lease.metadata.annotations, [name]: value } };
    try {
      await client.call({ method: "PUT", path: leasePath(options), body: { ...lease, metadata } });
      return value;
    } catch (error) {
      if (!isRefusal(error, 409)) throw error; // our own renewal may have come between: read again
    }
  }
}

async function readLease(client: KubernetesClient, options: LeaseOptions): Promise<Lease | undefined> {
  try {
    return await client.call<Lease>({ path: leasePath(options) });
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

function isAlive(lease: Lease): boolean {
  const { holderIdentity, renewTime, leaseDurationSeconds } = lease.spec ?? {};
  if (!holderIdentity || renewTime === undefined) return false;
  return Date.parse(renewTime) + (leaseDurationSeconds ?? 15) * 1000 > Date.now();
}

export function leasesPath({ namespace }: Pick<LeaseOptions, "namespace">): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
}

function leasePath(options: LeaseOptions): string {
  return `${leasesPath(options)}/${options.name}`;
}

/** Kubernetes' MicroTime. */
export function microTime(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
