import type { ViewFollowing, ViewListener } from "../../gateway/xds/ports.ts";
import type { Taster, Tasting } from "../../gateway/xds/tasting.ts";
import { createStepMemo } from "../../shared/core/stream/step-memo.ts";
import {
  createStream,
  type Send,
  type Stream,
  type StreamInput,
  type StreamOutput,
  type StreamRequest,
} from "../../shared/core/stream/stream.ts";
import type { View } from "../../shared/core/stream/view.ts";
import { absentResource } from "../../shared/core/xds/absent.ts";
import { type EnvoyType, envoyTypes } from "../../shared/core/xds/resource.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What a proxy connects to; undefined when it does not know the pod. */
export type FollowViews = (pod: string, listener: ViewListener) => ViewFollowing | undefined;

/**
 * The proxy of a pod on the real stream machine: answers when it likes, refuses seldom, holds what it acknowledged over its streams and says so when it
 * comes back. It asks for all of its class, where Envoy goes by what listeners and clusters name.
 */
export interface ModelProxy {
  /** Leaves the stream that it has, if any, for another one. */
  readonly connect: (to: { readonly follow: FollowViews; readonly tasting: Tasting }) => void;
  readonly disconnect: () => void;
  readonly isConnected: () => boolean;
  /** How what it holds differs from its view; undefined when it does not. */
  readonly difference: () => string | undefined;
}

/** What passes between a proxy and its gateway. */
export interface ProxyWire {
  readonly send: (send: Send) => Send;
  readonly request: (request: StreamRequest) => StreamRequest;
}

export interface ModelProxyOptions {
  readonly pod: string;
  readonly time: VirtualTime;
  readonly random: Random;
  /** Share of the messages that it refuses. */
  readonly refusing: () => number;
  /** It refused this, alone or with others. */
  readonly refused: (type: EnvoyType, name: string, version: string) => void;
  /** Some proxy did: nobody needs to have it. */
  readonly wasRefused: (type: EnvoyType, name: string, version: string) => boolean;
  /** Messages on their way, as they are or with a bug planted in them. */
  readonly wire: ProxyWire;
  readonly blame: (text: string) => void;
}

/** Drain time, shorter than Envoy's so that histories end sooner. Milliseconds. */
const settings = { answerLimitMs: 5000, drainMs: 3000 };
/** Proxies of all worlds share their steps, as those of a gateway do. */
const begun = createStream({ protocol: "delta", absent: absentResource, settings });
const memo = createStepMemo([begun]);
/** What it refuses now and then: nothing else waits for these. */
const refusable: readonly EnvoyType[] = ["route", "extension"];
const byName: readonly EnvoyType[] = ["secret", "endpoint", "route", "extension"];
const nothingElse = { subscribe: [], unsubscribe: [], held: new Map(), nonce: "", error: undefined };

/** One stream of it, from its connection to its end. */
interface Connection {
  stream: Stream;
  view: View | undefined;
  following: ViewFollowing | undefined;
  readonly taster: Taster;
  readonly inputs: StreamInput[];
  readonly inbox: Send[];
  /** `type name` of what it refused, or asked for after it had connected: the answer may tell what it has by then. */
  readonly unclear: Set<string>;
  /** Whether clusters came over it. */
  warms: boolean;
  wake: Disposable | undefined;
  open: boolean;
}

export function createModelProxy(options: ModelProxyOptions): ModelProxy {
  const { pod, time, random, refusing, refused, wasRefused, wire, blame } = options;
  const held = perType(() => new Map<string, string>());
  const asked = perType(() => new Set<string>());
  /** `type name version` of everything that any view of it ever had. */
  const granted = new Set<string>();
  /** Names of listeners of which a view said whom their chains ask. */
  const guarded = new Set<string>();
  let current: Connection | undefined;

  const give = (connection: Connection, input: StreamInput): void => {
    connection.inputs.push(input);
    if (connection.inputs.length > 1) return; // while outputs are put
    for (let next = connection.inputs[0]; next !== undefined && connection.open; next = connection.inputs[0]) {
      const { stream, outputs } = memo.step(connection.stream, next);
      connection.stream = stream;
      for (const output of outputs) put(connection, output);
      connection.inputs.shift();
    }
    connection.wake?.[Symbol.dispose]();
    const { wakeAt } = connection.stream;
    if (wakeAt === undefined || !connection.open) return;
    connection.wake = time.after(Math.max(1, wakeAt - time.now()), undefined, () =>
      give(connection, { kind: "time", now: time.now() }),
    );
  };
  const put = (connection: Connection, output: StreamOutput): void => {
    const { following, taster, inbox } = connection;
    switch (output.kind) {
      case "send":
        inbox.push(wire.send(output));
        if (inbox.length === 1) answerLater(connection);
        return;
      case "ask":
        return taster.ask(output.type, output.names);
      case "acknowledged":
        return taster.acknowledged(output.type, output.names);
      case "refused":
        for (const { name, version } of output.names) refused(output.type, name, version);
        return taster.refused(output.type, output.names, output.message);
      case "withheld":
        return; // a taster refused it
      case "settled":
        return following?.settled(output.generation);
    }
  };
  const ask = (connection: Connection, request: Partial<typeof nothingElse> & { readonly type: EnvoyType }): void =>
    give(connection, {
      kind: "request",
      now: time.now(),
      request: wire.request({ ...nothingElse, ...request } as StreamRequest),
    });
  const answerLater = (connection: Connection): void => {
    time.after(random.pick([1, 5, 20, 200, 1500]), undefined, () => {
      const send = connection.inbox[0];
      if (!connection.open || send === undefined) return;
      const error = refusable.includes(send.type) && random.chance(refusing()) ? "not this" : undefined;
      expectNew(connection, send);
      if (error === undefined) take(send);
      else for (const { name } of send.resources) connection.unclear.add(`${send.type} ${name}`);
      ask(connection, { type: send.type, nonce: send.nonce, error } as never);
      if (error === undefined) follow(connection);
      connection.inbox.shift();
      if (connection.inbox.length > 0) answerLater(connection);
    });
  };
  /** A proxy that comes back, to whichever gateway, gets nothing that it says it has. */
  const expectNew = (connection: Connection, { type, resources }: Send): void => {
    // A cluster that changed warms until its endpoints come again.
    if (type === "cluster") connection.warms = true;
    if (type === "endpoint" && connection.warms) return;
    for (const { name, version } of resources)
      if (held[type].get(name) === version && !connection.unclear.has(`${type} ${name}`))
        blame(`proxy ${pod} is sent the ${type} ${name} that it has`);
  };
  const take = ({ type, resources, removed }: Send): void => {
    for (const { name, version, body } of resources) {
      if (!isGranted({ type, name, version, body }))
        blame(`proxy ${pod} takes ${type} ${name}, which no view of it had`);
      // What came too late for a proxy that has left the name is thrown away.
      if (!byName.includes(type) || asked[type].has(name)) held[type].set(name, version);
    }
    for (const name of removed) held[type].delete(name);
  };
  const isGranted = ({ type, name, version, body }: Taken): boolean => {
    // A policy goes under a marked version while connections that it does not allow may be open.
    if (granted.has(`${type} ${name} ${version.replace(/~$/, "")}`)) return true;
    // They end by a stand-in of the listener, whose chains have other names.
    if (type === "listener" && guarded.has(name)) return true;
    const absent = absentResource(type, name);
    return absent !== "removed" && Buffer.compare(absent, body) === 0;
  };
  /** What only names by name differ in comes with no message. */
  const followLater = (connection: Connection): void =>
    void time.after(random.between(1, 50), undefined, () => connection.open && follow(connection));
  /** Asks for what its view has by now, and for nothing else. */
  const follow = (connection: Connection): void => {
    for (const type of byName) {
      const wanted = connection.view?.resources[type];
      const subscribe = [...(wanted?.keys() ?? [])].filter((name) => !asked[type].has(name));
      const unsubscribe = [...asked[type]].filter((name) => wanted?.has(name) !== true);
      if (subscribe.length + unsubscribe.length === 0) continue;
      for (const name of subscribe) {
        asked[type].add(name);
        connection.unclear.add(`${type} ${name}`);
      }
      for (const name of unsubscribe) {
        asked[type].delete(name);
        held[type].delete(name);
      }
      ask(connection, { type, subscribe, unsubscribe } as never);
    }
  };
  const disconnect = (): void => {
    if (current === undefined) return;
    current.open = false;
    current.wake?.[Symbol.dispose]();
    current.taster[Symbol.dispose]();
    current.following?.[Symbol.dispose]();
    current = undefined;
  };
  return {
    connect({ follow: followViews, tasting }) {
      disconnect();
      const taster = tasting.join("1.40.0", (type, verdicts) =>
        give(connection, { kind: "verdicts", now: time.now(), type, verdicts }),
      );
      const connection: Connection = {
        stream: begun,
        taster,
        inputs: [],
        view: undefined,
        following: undefined,
        inbox: [],
        unclear: new Set(),
        warms: false,
        wake: undefined,
        open: true,
      };
      const following = followViews(pod, {
        view(view) {
          for (const type of envoyTypes)
            for (const [name, { version, guards }] of view.resources[type]) {
              granted.add(`${type} ${name} ${version}`);
              if (guards !== undefined) guarded.add(name);
            }
          connection.view = view;
          give(connection, { kind: "view", now: time.now(), view });
          if (connection === current) followLater(connection);
        },
        end: () => current === connection && disconnect(),
      });
      if (following === undefined) return taster[Symbol.dispose]();
      connection.following = following;
      current = connection;
      for (const type of envoyTypes)
        ask(connection, { type, subscribe: [...asked[type]], held: new Map(held[type]) } as never);
      followLater(connection);
    },
    disconnect,
    isConnected: () => current !== undefined,
    difference() {
      // Its class has no place in the mesh.
      if (current?.view === undefined) return undefined;
      const { resources } = current.view;
      // What its last good routes lead to stays as long as they do.
      const staysOnOldRoutes = [...resources.route].some(([name, { version }]) => held.route.get(name) !== version);
      for (const type of envoyTypes) {
        const wanted = resources[type];
        for (const [name, { version }] of wanted)
          if (held[type].get(name) !== version && !wasRefused(type, name, version))
            return `has not the ${type} ${name} of its view`;
        if (staysOnOldRoutes) continue;
        for (const name of held[type].keys()) if (!wanted.has(name)) return `has still the ${type} ${name}`;
      }
      return undefined;
    },
  };
}

interface Taken {
  readonly type: EnvoyType;
  readonly name: string;
  readonly version: string;
  readonly body: Uint8Array;
}

function perType<T>(make: () => T): Record<EnvoyType, T> {
  return Object.fromEntries(envoyTypes.map((type) => [type, make()])) as Record<EnvoyType, T>;
}
