import { createSimulatedDisk, type DiskWeather, type SimulatedDisk } from "./disk.ts";
import type { Random } from "./random.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";
import type { Wire } from "./wire.ts";

/** The disks of all replicas: each is of one process at a time. */
export interface Disks {
  readonly weather: DiskWeather;
  readonly all: readonly SimulatedDisk[];
  readonly of: (actor: Actor) => SimulatedDisk | undefined;
  /** A process gets the one that was left last, seldom a new one. */
  readonly take: (actor: Actor) => SimulatedDisk;
  /** The process died. */
  readonly crash: (actor: Actor) => void;
  /** The process has ended. */
  readonly leave: (actor: Actor) => void;
}

/** Share of the starts at which a replica comes that never was. */
const strangers = 0.1;

export function createDisks(parts: {
  readonly time: VirtualTime;
  readonly wire: Wire;
  readonly random: Random;
}): Disks {
  const { random } = parts;
  const weather: DiskWeather = { full: 0, slow: 0 };
  const all: SimulatedDisk[] = [];
  const free: SimulatedDisk[] = [];
  const taken = new Map<Actor, SimulatedDisk>();
  const make = (): SimulatedDisk => {
    const disk = createSimulatedDisk(`replica-${all.length}`, { ...parts, weather });
    all.push(disk);
    return disk;
  };
  const leave = (actor: Actor): void => {
    const disk = taken.get(actor);
    if (disk !== undefined && taken.delete(actor)) free.push(disk);
  };
  return {
    weather,
    all,
    of: (actor) => taken.get(actor),
    take(actor) {
      const disk = (random.chance(strangers) ? undefined : free.pop()) ?? make();
      taken.set(actor, disk);
      return disk;
    },
    crash(actor) {
      taken.get(actor)?.crash();
      leave(actor);
    },
    leave,
  };
}
