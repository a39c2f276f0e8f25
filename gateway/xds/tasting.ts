import type { NamedVersion, Verdict } from "../../shared/core/stream/stream.ts";
import type { EnvoyType } from "../../shared/core/xds/resource.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { createProvenVersions, type ProvenVersions } from "./proven-versions.ts";

/**
 * Who goes first with what no proxy of an Envoy version has acknowledged (design.md §5, Streams): one stream tastes for all; after a while without an answer
 * the next one does; after three all get it, by themselves. What one refuses is withheld from the others, until some proxy takes it after all.
 */
export interface Tasting {
  readonly join: (envoyVersion: string, tell: TellVerdicts) => Taster;
}

/** May be called while a question is being asked. */
export type TellVerdicts = (type: EnvoyType, verdicts: readonly Verdict[]) => void;

/** One stream. To be disposed of when it ends. */
export interface Taster extends Disposable {
  readonly ask: (type: EnvoyType, names: readonly NamedVersion[]) => void;
  readonly acknowledged: (type: EnvoyType, names: readonly NamedVersion[]) => void;
  readonly refused: (type: EnvoyType, names: readonly NamedVersion[], message: string) => void;
}

export interface TastingOptions {
  readonly clock: Clock;
  /** How long a taster may take, in milliseconds. */
  readonly patience: number;
  readonly tasters?: number;
}

const defaultTasters = 3;
/** Of one Envoy version: versions that are remembered as proven, and that are being tasted or were refused. */
const provenVersions = 200_000;
const openDishes = 10_000;

interface Guest {
  readonly tell: TellVerdicts;
  /** Those it tastes, waits for, or is kept from. */
  readonly dishes: Set<Dish>;
}

/** A version that is not proven. */
interface Dish extends NamedVersion {
  readonly key: string;
  readonly type: EnvoyType;
  tasted: number;
  taster: Guest | undefined;
  timer: Disposable | undefined;
  /** Everybody may have it. */
  isOpen: boolean;
  refusal: string | undefined;
  /** Whoever waits, or is kept from it. */
  readonly guests: Set<Guest>;
}

interface Table {
  readonly proven: ProvenVersions;
  readonly dishes: Map<string, Dish>;
  /** All of it is proven. */
  lastProven: { readonly type: EnvoyType; readonly names: readonly NamedVersion[] } | undefined;
}

export function createTasting(options: TastingOptions): Tasting {
  const tables = new Map<string, Table>();
  const waiter = createWaiter(options);
  return { join: (envoyVersion, tell) => seat(waiter, tableOf(tables, envoyVersion), tell) };
}

interface Waiter {
  /** What of a dish a guest that asks may have; undefined: it has to wait. */
  readonly judge: (dish: Dish, guest: Guest) => Verdict["verdict"] | undefined;
  /** The taster says nothing, or is gone. */
  readonly passOn: (dish: Dish) => void;
}

function createWaiter({ clock, patience, tasters = defaultTasters }: TastingOptions): Waiter {
  const serve = (dish: Dish, guest: Guest): void => {
    dish.tasted += 1;
    dish.taster = guest;
    dish.guests.delete(guest);
    guest.dishes.add(dish);
    dish.timer = clock.after(patience, () => passOn(dish));
  };
  const passOn = (dish: Dish): void => {
    clear(dish);
    const [next] = dish.guests;
    if (dish.tasted >= tasters) {
      dish.isOpen = true;
      tellAll(dish, "alone");
    } else if (next !== undefined) {
      serve(dish, next);
      next.tell(dish.type, [verdictOf(dish, "alone")]);
    }
  };
  return {
    passOn,
    judge(dish, guest) {
      if (dish.isOpen || dish.taster === guest) return "alone";
      if (dish.refusal === undefined && dish.taster === undefined) {
        serve(dish, guest);
        return "alone";
      }
      dish.guests.add(guest);
      guest.dishes.add(dish);
      return dish.refusal === undefined ? undefined : "refused";
    },
  };
}

function seat(waiter: Waiter, table: Table, tell: TellVerdicts): Taster {
  const guest: Guest = { tell, dishes: new Set() };
  return {
    ask(type, names) {
      const verdicts = names.flatMap((one): readonly Verdict[] => {
        if (table.proven.has(keyOf(type, one))) return [{ ...one, verdict: "proven", message: "" }];
        const dish = dishOf(table, type, one);
        const verdict = waiter.judge(dish, guest);
        return verdict === undefined ? [] : [verdictOf(dish, verdict)];
      });
      if (verdicts.length > 0) tell(type, verdicts);
    },
    acknowledged(type, names) {
      // Streams in one position acknowledge the same list.
      if (!isTasted(type) || (table.lastProven?.names === names && table.lastProven.type === type)) return;
      for (const one of names) prove(table, keyOf(type, one));
      table.lastProven = { type, names };
    },
    refused(type, names, message) {
      const [only] = names;
      // Of several, nobody knows which one is bad: they come again one by one.
      if (!isTasted(type) || names.length !== 1 || only === undefined) return;
      if (!table.proven.has(keyOf(type, only))) withhold(dishOf(table, type, only), message);
    },
    [Symbol.dispose]() {
      for (const dish of guest.dishes) {
        dish.guests.delete(guest);
        if (dish.taster === guest) waiter.passOn(dish);
        const isWanted = dish.taster !== undefined || dish.guests.size > 0;
        if (!isWanted && !dish.isOpen && dish.refusal === undefined) table.dishes.delete(dish.key);
      }
      guest.dishes.clear();
    },
  };
}

function prove({ proven, dishes }: Table, key: string): void {
  if (proven.has(key)) return;
  proven.add(key);
  const dish = dishes.get(key);
  if (dish === undefined) return;
  dishes.delete(key);
  clear(dish);
  tellAll(dish, "proven");
}

function withhold(dish: Dish, message: string): void {
  if (dish.refusal !== undefined) return;
  clear(dish);
  dish.refusal = message;
  const verdicts = [verdictOf(dish, "refused")];
  for (const guest of dish.guests) guest.tell(dish.type, verdicts);
}

/** Nobody tastes it any more. */
function clear(dish: Dish): void {
  dish.timer?.[Symbol.dispose]();
  dish.timer = undefined;
  dish.taster?.dishes.delete(dish);
  dish.taster = undefined;
}

/** For good: nobody waits any more. */
function tellAll(dish: Dish, verdict: Verdict["verdict"]): void {
  const guests = [...dish.guests];
  dish.guests.clear();
  for (const guest of guests) guest.dishes.delete(dish);
  // One list for all: streams in one position take it in one step.
  const verdicts = [verdictOf(dish, verdict)];
  for (const guest of guests) guest.tell(dish.type, verdicts);
}

function verdictOf({ name, version, refusal }: Dish, verdict: Verdict["verdict"]): Verdict {
  return { name, version, verdict, message: verdict === "refused" ? (refusal ?? "") : "" };
}

/** One table for each minor version of Envoy: patches accept the same. */
function tableOf(tables: Map<string, Table>, envoyVersion: string): Table {
  const minor = envoyVersion.split(".", 2).join(".");
  const known = tables.get(minor);
  if (known !== undefined) return known;
  const table = {
    proven: createProvenVersions(provenVersions),
    dishes: new Map<string, Dish>(),
    lastProven: undefined,
  };
  tables.set(minor, table);
  return table;
}

function dishOf(table: Table, type: EnvoyType, { name, version }: NamedVersion): Dish {
  const key = keyOf(type, { name, version });
  const known = table.dishes.get(key);
  if (known !== undefined) return known;
  if (table.dishes.size >= openDishes) dropOldest(table);
  const dish: Dish = {
    key,
    type,
    name,
    version,
    tasted: 0,
    taster: undefined,
    timer: undefined,
    isOpen: false,
    refusal: undefined,
    guests: new Set(),
  };
  table.dishes.set(key, dish);
  return dish;
}

/** Whoever waits for it gets it by itself. */
function dropOldest({ dishes }: Table): void {
  for (const [key, dish] of dishes) {
    dishes.delete(key);
    clear(dish);
    tellAll(dish, "alone");
    return;
  }
}

function keyOf(type: EnvoyType, { name, version }: NamedVersion): string {
  return `${type}|${name}|${version}`;
}

/** Endpoints and secrets are made of validated values. */
function isTasted(type: EnvoyType): boolean {
  return type !== "endpoint" && type !== "secret";
}
