import { type EnvoyType, envoyTypes } from "../xds/resource.ts";
import { emptyPersistentMap, type PersistentMap } from "./persistent-map.ts";
import { emptySubscription, type Subscription } from "./subscription.ts";
import type { PolicyType, View, ViewResource } from "./view.ts";

/** Both variants of the protocol are the same machine (step.ts); they differ in what one message may carry (delta.ts, sotw.ts). */
export type StreamProtocol = "delta" | "sotw";

export interface StreamSettings {
  /** How long a message may stay unanswered before others stop waiting for it, in milliseconds. Envoy may withhold a CDS answer for ever (envoy.md §5). */
  readonly answerLimitMs: number;
  /** How long old connections go on using what a replaced or removed listener referred to: Envoy's `--drain-time-s`, in milliseconds. */
  readonly drainMs: number;
}

export const defaultStreamSettings: StreamSettings = { answerLimitMs: 5_000, drainMs: 30_000 };

/** What is answered for a name that the view does not have: the encoded message, or that it does not exist. */
export type AbsentResources = (type: EnvoyType, name: string) => Uint8Array | "removed";

/** A request of either protocol, as the machine sees it. */
export interface StreamRequest {
  readonly type: EnvoyType;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the proxy says it holds, name → version; only in the first request of a type, after a reconnect. */
  readonly held: ReadonlyMap<string, string>;
  /** Of the message that is answered; empty when none is. */
  readonly nonce: string;
  /** Present when the message is refused. */
  readonly error: string | undefined;
  /** Of a state-of-the-world request: tells its list of names from others. */
  readonly listing?: string | undefined;
}

/** What happens to a stream. `now` is in milliseconds on any clock that does not go back. */
export type StreamInput =
  | { readonly kind: "request"; readonly now: number; readonly request: StreamRequest }
  | { readonly kind: "view"; readonly now: number; readonly view: View }
  | {
      readonly kind: "verdicts";
      readonly now: number;
      readonly type: EnvoyType;
      readonly verdicts: readonly Verdict[];
    }
  | { readonly kind: "time"; readonly now: number };

export interface NamedVersion {
  readonly name: string;
  readonly version: string;
}

/**
 * What came of a question. `proven`: a proxy of this Envoy version has acknowledged it, so it may go with others. `alone`: this proxy may get it, by itself.
 * `refused`: another one refused it, so it is not sent; the message says who and why.
 */
export interface Verdict extends NamedVersion {
  readonly verdict: "proven" | "alone" | "refused";
  readonly message: string;
}

/** One message to write, in the terms of the incremental protocol. */
export interface Send {
  readonly kind: "send";
  readonly type: EnvoyType;
  readonly nonce: string;
  readonly resources: readonly ViewResource[];
  readonly removed: readonly string[];
}

export type StreamOutput =
  | Send
  | { readonly kind: "acknowledged"; readonly type: EnvoyType; readonly names: readonly NamedVersion[] }
  | {
      readonly kind: "refused";
      readonly type: EnvoyType;
      readonly names: readonly NamedVersion[];
      readonly message: string;
    }
  /** Versions that may be unproven: none is sent before there is a verdict. */
  | { readonly kind: "ask"; readonly type: EnvoyType; readonly names: readonly NamedVersion[] }
  /** Not sent, by a verdict: the proxy stays on what it has, as after a refusal of its own. */
  | {
      readonly kind: "withheld";
      readonly type: EnvoyType;
      readonly names: readonly NamedVersion[];
      readonly message: string;
    }
  /**
   * The proxy has acknowledged all it subscribes to of this view; nothing is on the way, nothing refused. Repeated after every disturbance.
   * Removals that wait for connections to drain are not waited for.
   */
  | { readonly kind: "settled"; readonly generation: number; readonly snapshotVersion: number };

/** The version of "does not exist": what the proxy was told about a name that it asked for and that there is not. */
export const removedVersion = "";

/** One name in a message. */
export interface Item {
  readonly name: string;
  readonly version: string;
  /** Absent: the name is removed. */
  readonly resource: ViewResource | undefined;
  /** Present on what is sent for a while in place of the view's own resource (revocation.ts). */
  readonly standIn?: StandIn;
}

export interface StandIn {
  /** Version of the view's own resource. */
  readonly of: string;
  /** Of a listener: the policies whose chains are renamed. */
  readonly renamed: ReadonlySet<string>;
}

/** A message that is not answered yet. */
export interface Message {
  readonly items: ReadonlyMap<string, Item>;
  /** Whether it was sent with one name in it; names that were sent again since are no longer in `items`. */
  readonly single: boolean;
  /** Counts the messages of the stream. */
  readonly number: number;
  readonly sentAt: number;
  /** Unanswered for longer than the limit: nothing waits for it any more, but its answer still counts. */
  readonly late: boolean;
}

/** What the proxy holds of one name, as far as it acknowledged it. */
export interface Held {
  readonly version: string;
  /** Absent after a reconnect, when only the version is known. */
  readonly resource: ViewResource | undefined;
  /** Absent when it is the view's own, and after a reconnect. */
  readonly standIn?: StandIn;
  /** Number of the acknowledged message, where a removal waits for it; 0: no removal does, or the proxy said so when it connected. */
  readonly sentAs: number;
}

/** The proxy does not hold what its view has. */
export const nothing = Symbol("nothing");

/**
 * Why a name has to be looked at: `compare` sends what is new to the proxy, `resend` sends even what it seems to have (refused in a batch; an
 * assignment whose cluster changed), `asked` is a fresh subscription and is answered even when there is nothing.
 */
export type Need = "compare" | "resend" | "asked";

export interface Judgement {
  /** Of the view's own resource. */
  readonly version: string;
  readonly verdict: "asked" | "proven" | "alone";
}

export interface TypeState {
  /** Whether the proxy has sent any request of this type. */
  readonly asked: boolean;
  /** Whether the first message has to go even with nothing in it: a proxy without clusters must learn that there are none. */
  readonly greet: boolean;
  /** Until the first load is acknowledged, resources go together whether proven or not, and nobody is asked. */
  readonly loading: boolean;
  readonly subscription: Subscription;
  /** Of the newest state-of-the-world request: the list of names that the subscription is. */
  readonly listing: string | undefined;
  /** What the proxy holds where that is not what the view has (holdings.ts). */
  readonly exceptions: PersistentMap<Held | typeof nothing>;
  /** Unanswered messages by nonce, oldest first. */
  readonly inFlight: PersistentMap<Message>;
  /** The newest unanswered message of a name. */
  readonly sending: PersistentMap<string>;
  /** Nonce of the batch that others wait for. */
  readonly batch: string | undefined;
  /** Names to look at. */
  readonly dirty: PersistentMap<Need>;
  /** Names to look at when the message they are in is answered. */
  readonly parked: PersistentMap<Need>;
  /** Nothing in `dirty` can go before something else happens. */
  readonly stalled: boolean;
  /** Names that were in a refused batch and go one by one. */
  readonly alone: PersistentMap<true>;
  /** Names of which something may be in force that was not acknowledged: they were in a refused batch, or sent again while unanswered. */
  readonly unsure: PersistentMap<true>;
  /** What was asked about names in `dirty`, and what came of it. */
  readonly verdicts: PersistentMap<Judgement>;
  /** Versions that the proxy refused, or that are withheld from it. Not sent again until the version changes or the proxy asks anew. */
  readonly refused: PersistentMap<string>;
  /** Since when names wait for clusters to be acknowledged. */
  readonly heldBackSince: number | undefined;
}

/** Names that a view dropped and that old connections may still use; told to the proxy last (retirement.ts). */
export interface Retirement {
  readonly id: number;
  readonly names: readonly { readonly type: EnvoyType; readonly name: string }[];
  /** Number of the last message before it: only answers to later ones count. */
  readonly sentBefore: number;
  readonly notBefore: number;
  /** Listeners and routes to be acknowledged first; undefined: not looked at before `notBefore`. */
  readonly awaited: readonly { readonly type: "listener" | "route"; readonly name: string }[] | undefined;
  readonly readyAt: number | undefined;
}

/** One ADS stream of one proxy: a value. */
export interface Stream {
  readonly protocol: StreamProtocol;
  readonly settings: StreamSettings;
  readonly absent: AbsentResources;
  readonly view: View | undefined;
  /** Number of the last message. Counted anew when nothing is under way. */
  readonly sent: number;
  /** What nonces are made of: the newest change seen (View), and the number of the last message before it. */
  readonly series: { readonly change: number; readonly after: number };
  readonly types: Readonly<Record<EnvoyType, TypeState>>;
  readonly retirements: readonly Retirement[];
  /** `type|name` → id of its retirement. */
  readonly retiring: PersistentMap<number>;
  /** Policies that the proxy holds under a marked version: connections that they do not allow may be open (revocation.ts). */
  readonly owing: PersistentMap<PolicyType>;
  /** When the proxy last replaced or removed a listener, whose connections drain from then on. */
  readonly listenersSwitchedAt: number | undefined;
  /** Generation that was last reported as settled; undefined after a disturbance. */
  readonly settled: number | undefined;
  /** When the next `time` input is due. */
  readonly wakeAt: number | undefined;
}

const emptyType: TypeState = {
  asked: false,
  greet: false,
  loading: true,
  subscription: emptySubscription,
  listing: undefined,
  exceptions: emptyPersistentMap(),
  inFlight: emptyPersistentMap(),
  sending: emptyPersistentMap(),
  batch: undefined,
  dirty: emptyPersistentMap(),
  parked: emptyPersistentMap(),
  stalled: false,
  alone: emptyPersistentMap(),
  unsure: emptyPersistentMap(),
  verdicts: emptyPersistentMap(),
  refused: emptyPersistentMap(),
  heldBackSince: undefined,
};

/** A stream on which nothing has been said yet. */
export function createStream(options: {
  readonly protocol: StreamProtocol;
  readonly absent: AbsentResources;
  readonly settings?: StreamSettings;
}): Stream {
  return {
    protocol: options.protocol,
    settings: options.settings ?? defaultStreamSettings,
    absent: options.absent,
    view: undefined,
    sent: 0,
    series: { change: 0, after: 0 },
    types: Object.fromEntries(envoyTypes.map((type) => [type, emptyType])) as Record<EnvoyType, TypeState>,
    retirements: [],
    retiring: emptyPersistentMap(),
    owing: emptyPersistentMap(),
    listenersSwitchedAt: undefined,
    settled: undefined,
    wakeAt: undefined,
  };
}
