import type { KeptSnapshot, Remembered } from "../../gateway/disk/gateway-record.ts";
import type { ServedSnapshot } from "../../gateway/follow/head-follower.ts";
import type { ClassKey } from "../../shared/core/mesh/mesh.ts";
import { viewOf } from "../../shared/core/snapshot/snapshot.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import type { Truth } from "./truth.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";

/** Holds what a gateway does after a restart against what its disk holds, and what the process before it did. */
export interface RestartChecker {
  /** To be called before the process runs; what comes back, with the process. */
  readonly starting: (actor: Actor, disk: SimulatedDisk) => (gateway: GatewayProcess) => void;
  readonly serving: (actor: Actor, snapshot: ServedSnapshot) => void;
  /** The process is dead, or ends on purpose. */
  readonly ending: (actor: Actor) => void;
}

/** A process and the disk that it has. */
interface Running {
  readonly disk: SimulatedDisk;
  /** What the disk held when it started. */
  readonly recalled: Remembered | undefined;
  /** What it must serve at least. */
  readonly least: KeptSnapshot | undefined;
  readonly served: { readonly at: number; readonly steady: boolean; readonly snapshot: ServedSnapshot }[];
}

/** What is served so long is on disk. Virtual milliseconds. */
const keptAfter = 12_000;
/** A gateway that finds its disk whole gives proxies their views within this, wherever the cloud is. Virtual milliseconds. */
const servesWithin = 40_000;

export function createRestartChecker(options: {
  readonly time: VirtualTime;
  readonly truth: Truth;
  /** As it is now. */
  readonly head: () => Head | undefined;
  /** Nothing keeps a process from keeping what it serves. */
  readonly isSteady: () => boolean;
  readonly blame: (text: string) => void;
}): RestartChecker {
  const { time, truth, head, isSteady, blame } = options;
  const running = new Map<Actor, Running>();
  /** What the last process that had the disk served for long enough. */
  const left = new Map<SimulatedDisk, KeptSnapshot>();
  const firstServed = ({ recalled, least }: Running, actor: Actor, snapshot: ServedSnapshot): void => {
    const where = `${actor.name} starts with ${snapshot.version}`;
    if (isSame(snapshot, recalled?.local)) return;
    for (const kept of [recalled?.snapshots[0], least])
      if (kept !== undefined && kept.incarnation === snapshot.incarnation && snapshot.version < kept.version)
        blame(`${where}: its disk had ${kept.version}`);
  };
  /** Looks whether proxies have their views once the process has run for so long: not while it is paused. */
  const awaitViews = (gateway: GatewayProcess): void => {
    const pods = new Set([...truth.objects.pods()].map(({ uid }) => uid));
    const seconds = servesWithin / 1000;
    let ran = 0;
    const tick = (): void => {
      if (++ran < seconds) return void time.after(1000, gateway.actor, tick);
      const missing = running.has(gateway.actor) ? missingOf(gateway, pods) : undefined;
      if (missing !== undefined)
        blame(`${gateway.actor.name}, ${seconds} s after it started with a whole disk: ${missing}`);
    };
    time.after(1000, gateway.actor, tick);
  };
  const missingOf = (gateway: GatewayProcess, pods: ReadonlySet<string>): string | undefined => {
    const snapshot = gateway.current();
    if (!gateway.isOpen() || snapshot === undefined) return "proxies are not let in";
    for (const pod of truth.objects.pods()) {
      const object = truth.objects.classOf(pod.key);
      if (object === undefined || !pods.has(pod.uid) || gateway.views.has(pod.key)) continue;
      if (viewOf(snapshot.snapshot, object.key.name as ClassKey) !== undefined) return `${pod.key} has no view`;
    }
    return undefined;
  };
  return {
    starting(actor, disk) {
      const recalled = disk.recall();
      running.set(actor, { disk, recalled, least: recalled && left.get(disk), served: [] });
      left.delete(disk);
      return (gateway) => {
        if ((recalled?.snapshots.length ?? 0) > 0) awaitViews(gateway);
      };
    },
    serving(actor, snapshot) {
      const process = running.get(actor);
      if (process === undefined) return;
      if (process.served.length === 0) firstServed(process, actor, snapshot);
      process.served.push({ at: time.now(), steady: isSteady(), snapshot });
      const pin = process.recalled?.head?.pin;
      const now = head();
      if (pin === undefined || now?.pin?.when !== pin.when || now.served === undefined) return;
      if (snapshot.version === now.version && snapshot.served.root !== now.served.root)
        blame(`${actor.name} serves something else than the ${pin.kind} that its disk told of`);
    },
    ending(actor) {
      const process = running.get(actor);
      running.delete(actor);
      const kept = process?.served.findLast(({ at, steady }) => steady && at < time.now() - keptAfter);
      if (process !== undefined && kept !== undefined) left.set(process.disk, kept.snapshot);
    },
  };
}

function isSame(snapshot: ServedSnapshot, kept: KeptSnapshot | undefined): boolean {
  return kept?.served.root === snapshot.served.root && kept.served.state === snapshot.served.state;
}
