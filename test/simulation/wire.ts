import { KubernetesRefusal } from "../../gateway/kubernetes/client.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { Random } from "./random.ts";
import type { Trace } from "./trace.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";

/** What a process calls. */
export type Target = "store" | "hub" | "kubernetes" | "checkpoints";

/** Shares of the calls, 0 to 1. */
export interface Weather {
  /** Refused, without an effect. */
  refused: number;
  /** Refused because there was too much, without an effect. */
  throttled: number;
  /** Done, and the answer is lost. */
  unanswered: number;
  /** The caller has given up by the time it is done. */
  late: number;
  /** Takes seconds. */
  slow: number;
}

export interface Call<T> {
  readonly target: Target;
  /** For the trace. */
  readonly what: string;
  /** Ends without waiting for time to pass. */
  readonly effect: () => T | Promise<T>;
}

/** The way from a process to what it calls: every call is a place where the history may take another turn. */
export interface Wire {
  readonly weather: Readonly<Record<Target, Weather>>;
  /** Asked before each call; what it is told to do then is done before, with or without the call still leaving. */
  ambush:
    | ((actor: Actor, what: string) => { readonly strike: () => void; readonly callLeaves: boolean } | undefined)
    | undefined;
  /** Until when nobody reaches it. Virtual milliseconds. */
  readonly awayUntil: Record<Target, number>;
  /** A process is about to do something beside a call. Whether it dies of it. */
  ambushed(actor: Actor, what: string): { readonly leaves: boolean } | undefined;
  call<T>(actor: Actor, call: Call<T>): Promise<T>;
  /** Milliseconds that something takes on the way. */
  delay(target: Target): number;
}

export function calm(): Weather {
  return { refused: 0, throttled: 0, unanswered: 0, late: 0, slow: 0 };
}

type Fate = "done" | "refused" | "throttled" | "unanswered" | "unheard" | "late";

/** A caller that got no answer gives up after that. Milliseconds. */
const patience = 10_000;

export function createWire(parts: {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly trace: Trace;
}): Wire {
  const { time, random, trace } = parts;
  const weather: Record<Target, Weather> = { store: calm(), hub: calm(), kubernetes: calm(), checkpoints: calm() };
  const delay = (target: Target): number =>
    random.chance(weather[target].slow) ? random.between(500, 8000) : random.between(1, 25);
  const awayUntil: Record<Target, number> = { store: 0, hub: 0, kubernetes: 0, checkpoints: 0 };
  const fateOf = (target: Target): Fate => {
    const dice = random.next();
    if (time.now() < awayUntil[target]) return dice < 0.5 ? "refused" : "unheard";
    const { refused, throttled, unanswered, late } = weather[target];
    if (dice < refused) return "refused";
    if (dice < refused + throttled) return "throttled";
    if (dice < refused + throttled + unanswered) return "unanswered";
    return dice < refused + throttled + unanswered + late ? "late" : "done";
  };
  const wire: Wire = {
    weather,
    ambush: undefined,
    awayUntil,
    delay,
    ambushed(actor, what) {
      const ambushed = wire.ambush?.(actor, what);
      if (ambushed === undefined) return undefined;
      const { callLeaves: leaves } = ambushed;
      trace.note(time.now(), `${actor.name} dies at ${what}${leaves ? "" : ", which never leaves"}`);
      ambushed.strike();
      return { leaves };
    },
    call<T>(actor: Actor, { target, what, effect }: Call<T>): Promise<T> {
      if (wire.ambushed(actor, what)?.leaves === false) return Promise.withResolvers<T>().promise;
      const fate = fateOf(target);
      const [there, back] = [delay(target), delay(target)];
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const answer = (after: number, settle: () => void): void => void time.after(after, actor, settle);
      const run = async (): Promise<void> => {
        trace.note(time.now(), `${actor.name}: ${what}${fate === "done" ? "" : ` (${fate})`}`);
        try {
          const result = await effect();
          if (fate === "done") answer(back, () => resolve(result));
        } catch (error) {
          if (fate === "done") answer(back, () => reject(error as Error));
        }
      };
      if (fate === "refused" || fate === "throttled") {
        trace.note(time.now(), `${actor.name}: ${what} (${fate})`);
        answer(there + back, () => reject(faultOf(target, fate)));
      } else {
        if (fate !== "done") answer(patience, () => reject(faultOf(target, fate)));
        if (fate === "unheard") return promise;
        time.after(fate === "late" ? patience + there * 20 : there, undefined, () => void run());
      }
      return promise;
    },
  };
  return wire;
}

function faultOf(target: Target, fate: Exclude<Fate, "done">): Error {
  if (target !== "kubernetes" || fate === "unanswered" || fate === "unheard" || fate === "late")
    return new MeshError(fate === "throttled" ? "throttled" : "unavailable", `${target}: ${fate}`);
  return fate === "throttled"
    ? new KubernetesRefusal(429, "TooManyRequests", "too many requests")
    : new KubernetesRefusal(500, "InternalError", "etcdserver: request timed out");
}
