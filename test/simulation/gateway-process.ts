import { startCore } from "../../gateway/compose-core.ts";
import type { GatewayConfig } from "../../gateway/config.ts";
import type { Disk } from "../../gateway/disk/disk.ts";
import type { ProxyViews } from "../../gateway/fast/proxy-views.ts";
import type { ProxySecrets } from "../../gateway/fast/secrets.ts";
import type { ServedSnapshot } from "../../gateway/follow/head-follower.ts";
import { type ClusterObjects, startClusterObjects } from "../../gateway/kubernetes/cluster-objects.ts";
import type { Pod } from "../../gateway/kubernetes/pods.ts";
import type { GatewayMetrics } from "../../gateway/metrics.ts";
import type { FaultsOf, GatewayParts } from "../../gateway/ports.ts";
import type { PublisherKey } from "../../gateway/publisher-key.ts";
import type { ProxyIdentity } from "../../gateway/xds/ports.ts";
import { createTasting, type Tasting } from "../../gateway/xds/tasting.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import type { View } from "../../shared/core/stream/view.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import type { FollowViews } from "./model-proxy.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";

/** What a gateway is seen to do. */
export interface GatewayObserver {
  /** Its own picture of the cluster is this one now. */
  readonly picture: (actor: Actor, objects: Trie) => void;
  readonly serving: (actor: Actor, snapshot: ServedSnapshot) => void;
  /** A proxy was given a view; its pod was of these classes so far. */
  readonly view: (actor: Actor, classes: ReadonlyMap<string, MeshObject>, view: View) => void;
}

export interface GatewayProcessOptions {
  readonly actor: Actor;
  readonly time: VirtualTime;
  readonly config: GatewayConfig;
  readonly parts: GatewayParts;
  readonly key: PublisherKey;
  readonly disk: Disk | undefined;
  readonly observer: GatewayObserver;
}

export interface GatewayProcess {
  readonly actor: Actor;
  /** Undefined until it runs. */
  readonly current: () => ServedSnapshot | undefined;
  /** The newest view of each pod's proxy, by `namespace/pod`. */
  readonly views: ReadonlyMap<string, View>;
  /** What a stream of this pod's proxy does; undefined while the gateway does not know the pod or its class. */
  readonly follow: FollowViews;
  readonly tasting: Tasting;
  /** Proxies are let in. */
  readonly isOpen: () => boolean;
  /** Ends it on purpose. */
  readonly stop: () => Promise<void>;
}

/** As the xDS server's. Milliseconds. */
const tasterPatience = 250;

/** No counter is read in a simulation. */
const metrics = new Proxy({}, { get: () => () => undefined }) as GatewayMetrics;

/** Certificates do not belong to what is simulated: every account has one at once. */
const secrets: ProxySecrets = {
  identity: (account) => Buffer.from(account),
  release: () => undefined,
  trust: (name, set) => Buffer.from(`${name} ${JSON.stringify(set)}`),
  onChange: () => ({ [Symbol.dispose]: () => undefined }),
};

/** The gateway without its sockets and its certificates, and with a proxy for each pod that has a class. */
export function startGatewayProcess(options: GatewayProcessOptions): GatewayProcess {
  const { actor, time } = options;
  const views = new Map<string, View>();
  const life = new AsyncDisposableStack();
  let current: (() => ServedSnapshot | undefined) | undefined;
  let follow: FollowViews | undefined;
  time.as(actor, () => {
    const running = run(options, {
      life,
      views,
      begins: (source) => (current = source.current),
      opens: (port) => (follow = port),
    });
    running.catch(() => undefined); // stopped while it started
  });
  return {
    actor,
    current: () => current?.(),
    views,
    tasting: time.as(actor, () => createTasting({ clock: systemClock, patience: tasterPatience })),
    follow: (pod, listener) => (actor.alive ? time.as(actor, () => follow?.(pod, listener)) : undefined),
    isOpen: () => follow !== undefined,
    stop: () => time.as(actor, () => life.disposeAsync()),
  };
}

interface Running {
  readonly life: AsyncDisposableStack;
  readonly views: Map<string, View>;
  readonly begins: (source: { readonly current: () => ServedSnapshot | undefined }) => void;
  /** The xDS port is open. */
  readonly opens: (follow: FollowViews) => void;
}

async function run(options: GatewayProcessOptions, { life, views, begins, opens }: Running): Promise<void> {
  const { actor, config, parts, key, disk, observer } = options;
  const faults: FaultsOf = (where) => (error) =>
    parts.log.warn({ error: error instanceof Error ? error.message : String(error) }, `fault of ${where}`);
  const { network, durations } = config;
  const watched = { client: parts.client, network: { ...network }, classLinger: durations.classLinger };
  const objects = life.use(startClusterObjects({ ...watched, fault: faults("kubernetes") }));
  life.use(objects.onChange(() => observer.picture(actor, objects.objects())));
  const onServing = (snapshot: ServedSnapshot): void => observer.serving(actor, snapshot);
  const core = life.use(await startCore(config, { parts, objects, secrets, key, disk, metrics, faults, onServing }));
  begins(core.autonomy.source);
  await core.ready;
  const { views: proxyViews } = core;
  connectProxies({ actor, objects, proxyViews, observer, views }, life);
  opens((name, listener) => {
    const pod = objects.pod(name);
    return pod && objects.classOf(name) && proxyViews.follow(identityOf(name, pod), listener);
  });
  life.use(core.publish());
}

/** A pod whose proxy follows its view. */
interface Connected {
  readonly uid: string;
  readonly following: Disposable;
  /** Those that it was of so far. */
  readonly classes: Map<string, MeshObject>;
}

interface ProxyParts {
  readonly actor: Actor;
  readonly objects: ClusterObjects;
  readonly proxyViews: ProxyViews;
  readonly observer: GatewayObserver;
  readonly views: Map<string, View>;
}

/** Every pod of a class has a proxy, as soon as it has the class. It acknowledges nothing, so it is given whole views: none that keeps inbound chains for a while. */
function connectProxies({ actor, objects, proxyViews, observer, views }: ProxyParts, life: AsyncDisposableStack): void {
  const proxies = new Map<string, Connected>();
  const noteClass = (name: string, classes: Map<string, MeshObject>): void => {
    const object = objects.classOf(name);
    if (object !== undefined) classes.set(object.key.name, object);
  };
  const attend = (pod: Pod | undefined, name: string): void => {
    const present = proxies.get(name);
    if (present !== undefined && present.uid !== pod?.uid) {
      present.following[Symbol.dispose]();
      proxies.delete(name);
      views.delete(name);
    }
    if (pod === undefined || proxies.has(name) || objects.classOf(name) === undefined) return;
    const classes = new Map<string, MeshObject>();
    noteClass(name, classes);
    const following = proxyViews.follow(identityOf(name, pod), {
      view(view) {
        views.set(name, view);
        noteClass(name, classes);
        observer.view(actor, classes, view);
      },
      end: () => undefined,
    });
    proxies.set(name, { uid: pod.uid, following, classes });
  };
  life.use(
    objects.onChange((change) => {
      for (const [name, { classes }] of proxies) noteClass(name, classes);
      if (change.kind === "pod") attend(objects.pod(change.pod), change.pod);
    }),
  );
  for (const pod of objects.pods()) attend(pod, pod.key);
}

function identityOf(name: string, { uid, spec }: Pod): ProxyIdentity {
  const [namespace = "", pod = ""] = name.split("/");
  return { proxy: name, namespace, pod, podUid: uid, serviceAccount: spec?.serviceAccountName ?? "default" };
}
