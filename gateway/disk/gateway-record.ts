import { pause } from "../../shared/shell/pause.ts";
import type { Head, Served } from "../../shared/store/documents.ts";
import type { MeshSettingsInForce } from "../../shared/store/mesh-settings.ts";
import { createSignal } from "../signal.ts";
import { readChecked, writeChecked } from "./checked-file.ts";
import type { Disk } from "./disk.ts";

/** A snapshot of which all blocks and resources are kept. */
export interface KeptSnapshot {
  readonly incarnation: string;
  readonly version: number;
  readonly served: Served;
}

/** What a gateway remembers of its cloud beside content by hash. */
export interface Remembered {
  /** As it was last read: its pin binds while the cloud is away. */
  readonly head?: Head;
  /** The newest inputs of the cloud, for compiling here. */
  readonly settings?: MeshSettingsInForce;
  /** From the cloud, newest first. */
  readonly snapshots: readonly KeptSnapshot[];
  /** Compiled here, and what was in force when the gateway last wrote this. */
  readonly local?: KeptSnapshot | undefined;
}

export interface GatewayRecord extends AsyncDisposable {
  current(): Remembered;
  /** Counts at once; on disk it is a moment later. */
  change(members: Partial<Remembered>): void;
  /** What is current now is on disk. Rejects when it cannot be written; another change tries again. */
  written(): Promise<void>;
}

/** Bump it when the shape changes: a gateway takes what another version wrote as missing. */
const shape = 1;
/** Milliseconds between two writes. */
const distance = 200;

const file = "record";

/** Without a disk nothing outlives the process. */
export async function openGatewayRecord(
  disk: Disk | undefined,
  fault: (error: unknown) => void,
): Promise<GatewayRecord> {
  const stored = disk && (await readChecked(disk, file));
  let current = readRemembered(stored) ?? { snapshots: [] };
  if (disk === undefined) {
    return {
      current: () => current,
      change(members) {
        current = { ...current, ...members };
      },
      written: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const stop = new AbortController();
  const wake = createSignal();
  let onDisk = current;
  let waiters: PromiseWithResolvers<void>[] = [];
  const write = async (): Promise<void> => {
    const [writing, told] = [current, waiters];
    waiters = [];
    try {
      await writeChecked(disk, file, { shape, ...writing });
      onDisk = writing;
      for (const waiter of told) waiter.resolve();
    } catch (error) {
      for (const waiter of told) waiter.reject(error);
      fault(error);
    }
  };
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await wake.wait(2 ** 30, stop.signal);
      if (onDisk !== current || waiters.length > 0) await write();
      await pause(distance, stop.signal);
    }
  };
  const running = run();
  return {
    current: () => current,
    change(members) {
      current = { ...current, ...members };
      wake.raise();
    },
    written() {
      const waiter = Promise.withResolvers<void>();
      waiters.push(waiter);
      wake.raise();
      return waiter.promise;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      if (onDisk !== current || waiters.length > 0) await write();
    },
  };
}

function readRemembered(stored: unknown): Remembered | undefined {
  if (typeof stored !== "object" || stored === null) return undefined;
  const { shape: written, ...remembered } = stored as Remembered & { readonly shape?: number };
  return written === shape ? remembered : undefined;
}
