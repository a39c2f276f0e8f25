import type { ServedSnapshot } from "../../gateway/follow/head-follower.ts";
import type { ClusterEvent, Position } from "../../shared/core/events/cluster-event.ts";
import { isAfter } from "../../shared/core/events/cluster-event.ts";
import type { Envelope } from "../../shared/core/events/envelope.ts";
import type { MeshBuildSettings } from "../../shared/core/mesh/build-mesh.ts";
import { type MeshObject, objectKeyText } from "../../shared/core/object.ts";
import { refusedMarker, stateEntry } from "../../shared/core/state/cluster-state.ts";
import type { View } from "../../shared/core/stream/view.ts";
import { emptyTrie, type Trie } from "../../shared/core/trie/trie.ts";
import type { Head, Served } from "../../shared/store/documents.ts";
import { type Compiled, createCompiled, fingerprintOf, type Inputs } from "./compiled.ts";
import type { EndpointChecker } from "./endpoint-checker.ts";
import { isClassKey, type Truth } from "./truth.ts";
import type { Actor } from "./virtual-time.ts";

/** Holds everything that is seen of a history against what may be. */
export interface Checker {
  readonly violations: readonly string[];
  readonly blame: (text: string) => void;
  /** A gateway sends events: in its order, before anything can happen to them. */
  readonly published: (actor: Actor, envelopes: readonly Envelope[]) => void;
  readonly headWritten: (head: Head) => void;
  /** As it was last written, or restored. */
  readonly head: () => Head | undefined;
  /** The store stands at an older point now. */
  readonly restored: (head: Head | undefined) => void;
  /** A gateway's own picture of the cluster is this one now. */
  readonly picture: (actor: Actor, objects: Trie) => void;
  readonly serving: (actor: Actor, snapshot: ServedSnapshot) => void;
  readonly view: (actor: Actor, classes: ReadonlyMap<string, MeshObject>, view: View) => void;
  /** Somebody asks for the end of a pin, or for another one in its place. */
  readonly releasing: () => void;
  /** After the faults ended: what is still not as it should be; undefined when all is. */
  readonly unsettled: (end: End) => string | undefined;
}

/** What there is when a history has ended. */
export interface End {
  readonly head: Head | undefined;
  /** Version of the mesh's settings. */
  readonly settings: number;
  readonly gateways: readonly {
    readonly name: string;
    readonly serving: ServedSnapshot | undefined;
    readonly views: ReadonlyMap<string, View>;
  }[];
}

export interface CheckerOptions {
  readonly truth: Truth;
  readonly endpoints: EndpointChecker;
  /** By version: every one that was ever written. */
  readonly settings: ReadonlyMap<number, MeshBuildSettings>;
  /** Nothing in this history lets an observer see changes of different kinds in another order than they were made. */
  readonly strict: boolean;
}

export function createChecker({ truth, endpoints, settings, strict }: CheckerOptions): Checker {
  const violations: string[] = [];
  const blame = (text: string): void => {
    if (violations.length < 20 && !violations.includes(text)) violations.push(text);
  };
  const published = createPublished(blame);
  const compiled = createCompiled((version) => settings.get(version) ?? { smiSemantics: "osm" });
  /** States that heads named, by root. */
  const states = new Map<string, Trie>([[emptyTrie.root, emptyTrie]]);
  /** Those that gateways saw, and may compile themselves while the cloud is away. */
  const pictures = new Map<string, Trie>();
  const own = new Map<Actor, Trie>();
  /** What was served as `incarnation version`. */
  const servedInputs = new Map<string, Map<string, Inputs>>();
  /** Ends of pins that were asked for and not seen yet. */
  let releases = 0;
  let before: Head | undefined;
  const seen = new Map<Actor, ServedSnapshot>();

  const checkState = (state: Trie, where: string): void => {
    if (strict && !truth.was(state)) blame(`${where}: the cluster never was like this`);
    for (const [key, value] of state.entries()) {
      if (!isClassKey(key) && !truth.had(key, value)) blame(`${where}: ${key} never was ${value.slice(0, 200)}`);
    }
  };
  const noteServed = ({ incarnation, version }: Pick<Head, "incarnation" | "version">, inputs: Inputs): void => {
    const key = `${incarnation} ${version}`;
    const known = servedInputs.get(key) ?? new Map<string, Inputs>();
    servedInputs.set(key, known.set(`${inputs.state.root} ${inputs.settings}`, inputs));
  };
  const inputsOf = (served: Served, state: Trie): Inputs => ({ state, settings: served.settingsVersion });
  return {
    violations,
    blame,
    published: published.send,
    picture(actor, objects) {
      pictures.set(objects.root, objects);
      own.set(actor, objects);
    },
    head: () => before,
    releasing() {
      releases++;
    },
    headWritten(head) {
      if (before !== undefined) checkStep(before, head, blame);
      if (before !== undefined && isLoose(before, head) && --releases < 0)
        blame(`head ${head.version}: the ${before.pin?.kind} ended and nobody had asked for it`);
      const where = `head ${head.version} at ${text(head.applied)}`;
      const state = published.stateAt(head.applied, head.state);
      if (state !== undefined && !states.has(head.state)) {
        states.set(head.state, state);
        checkState(state, where);
      }
      if (state === undefined && head.state !== before?.state)
        blame(`${where}: no publisher ever came from ${before && text(before.applied)} to ${head.state}`);
      if (head.staged !== undefined && !published.isStaged(head.staged, head.staged.state))
        blame(`${where}: the list at ${text(head.staged)} is nobody's`);
      before = head;
      const { served } = head;
      if (served === undefined) return;
      const source = states.get(served.state);
      if (source === undefined) return blame(`${where}: serves a state that no head ever named`);
      noteServed(head, inputsOf(served, source));
      if (compiled.of(inputsOf(served, source)).snapshot.index.root !== served.root)
        blame(`${where}: what is served is not compiled from its state`);
    },
    restored(head) {
      before = head;
    },
    serving(actor, snapshot) {
      const known = seen.get(actor);
      const where = `${actor.name} serving ${snapshot.version}`;
      if (known !== undefined && known.incarnation !== snapshot.incarnation) blame(`${where}: another incarnation`);
      if (known !== undefined && snapshot.version < known.version) blame(`${where}: after ${known.version}`);
      seen.set(actor, snapshot);
      const state = states.get(snapshot.served.state) ?? pictures.get(snapshot.served.state);
      if (state === undefined) return blame(`${where}: a state that neither a head nor a gateway ever had`);
      const inputs = inputsOf(snapshot.served, state);
      const told = servedInputs.get(`${snapshot.incarnation} ${snapshot.version}`);
      if (!told?.has(`${state.root} ${inputs.settings}`)) {
        if (own.get(actor)?.root !== state.root) blame(`${where}: no head ever served this state under this version`);
        checkState(state, where);
      }
      noteServed(snapshot, inputs);
      const { snapshot: expected } = compiled.of(inputs);
      if (snapshot.snapshot.index.root !== expected.index.root) blame(`${where}: not what its state compiles to`);
      for (const version of expected.resources.keys())
        if (!snapshot.resources.has(version)) blame(`${where}: it lacks ${version}`);
    },
    view(actor, classes, view) {
      const snapshot = seen.get(actor);
      const possible = servedInputs.get(`${snapshot?.incarnation} ${view.snapshotVersion}`)?.values() ?? [];
      const fingerprint = fingerprintOf(view);
      let stranger: string | undefined;
      for (const inputs of possible) {
        for (const object of classes.values()) {
          // A class that the snapshot lacks is compiled by the gateway, with the newest settings where those of the snapshot are gone.
          const tried = compiled.has(inputs, object)
            ? [inputs]
            : [inputs, ...[...settings.keys()].map((version) => ({ ...inputs, settings: version }))];
          for (const found of tried.map((one) => compiled.view(one, object))) {
            if (found?.fingerprint !== fingerprint) continue;
            stranger = endpoints.stranger(view, found.endpointSets);
            if (stranger === undefined) return;
          }
        }
      }
      blame(`${actor.name}: the view of version ${view.snapshotVersion} ${stranger ?? "is that of no state"}`);
    },
    unsettled: (end) =>
      unsettled({ truth, compiled, endpoints }, { ...end, state: end.head && states.get(end.head.state) }),
  };
}

/** A person's pin is gone, or another stands in its place. */
function isLoose(before: Head, head: Head): boolean {
  const { pin } = before;
  if (pin === undefined || pin.kind === "hold") return false;
  return head.pin === undefined || head.pin.when !== pin.when || head.pin.kind !== pin.kind;
}

interface EndParts {
  readonly truth: Truth;
  readonly compiled: Compiled;
  readonly endpoints: EndpointChecker;
}

function unsettled(
  parts: EndParts,
  { head, gateways, settings, state = emptyTrie }: End & { readonly state: Trie | undefined },
): string | undefined {
  const wanted = parts.truth.objects.objects();
  if (head === undefined) return "there is no head";
  if (head.state !== wanted.root) {
    const keys = [...state.compare(wanted)].map(({ key }) => key).slice(0, 3);
    return `the head's state is not the cluster's (${text(head.applied)}, want ${head.want}, pin ${head.pin?.kind}; ${keys.join(", ")})`;
  }
  if (head.served?.state !== wanted.root) return `what is served is of another state (pin ${head.pin?.kind})`;
  if (head.served.settingsVersion !== settings) return `what is served is of other settings than ${settings}`;
  for (const gateway of gateways) {
    const missing = unsettledGateway(parts, gateway, { state: wanted, settings });
    if (missing !== undefined) return `${gateway.name} ${missing} (head ${head.version})`;
  }
  return undefined;
}

function unsettledGateway(
  { truth, compiled, endpoints }: EndParts,
  { serving, views }: End["gateways"][number],
  inputs: Inputs,
): string | undefined {
  if (serving?.served.state !== inputs.state.root) return `serves another state (version ${serving?.version})`;
  if (serving.snapshot.index.root !== compiled.of(inputs).snapshot.index.root) return "serves something else";
  for (const pod of truth.objects.pods()) {
    const object = truth.objects.classOf(pod.key);
    const expected = object && compiled.view(inputs, object);
    if (expected === undefined) continue;
    const view = views.get(pod.key);
    if (view === undefined || fingerprintOf(view) !== expected.fingerprint)
      return `gives ${pod.key} another view (${view?.snapshotVersion} of ${serving.version})`;
    const unlike = endpoints.unlike(view, expected.endpointSets);
    if (unlike !== undefined) return `gives ${pod.key} other endpoints: ${unlike}`;
  }
  return undefined;
}

/** What may come from one head to the next, whoever writes it (design.md §3). */
function checkStep(before: Head, head: Head, blame: (text: string) => void): void {
  const where = `head ${head.version} at ${text(head.applied)}`;
  if (head.incarnation !== before.incarnation) blame(`${where}: another incarnation`);
  if (isAfter(before.applied, head.applied)) blame(`${where}: back from ${text(before.applied)}`);
  if (head.version < before.version) blame(`${where}: after version ${before.version}`);
  if (head.served?.root !== before.served?.root && head.version <= before.version)
    blame(`${where}: something new is served as an old version`);
  const { pin } = before;
  const pinned = pin !== undefined && head.pin?.when === pin.when && head.pin.kind === pin.kind;
  if (pinned && head.served?.root !== before.served?.root)
    blame(`${where}: something new is served behind a ${pin.kind}`);
  if (head.state !== before.state && !isAfter(head.applied, before.applied))
    blame(`${where}: the state changed and no event was applied`);
}

/** The states that publishers led to, by position: folded here once more, from what they sent, in the order in which they sent it. */
function createPublished(blame: (text: string) => void) {
  const settled = new Map<string, Map<string, Trie>>();
  const staged = new Map<string, Set<string>>();
  const tries = new Map<string, Trie>([[emptyTrie.root, emptyTrie]]);
  const under = new Map<Actor, { readonly epoch: number; list: Trie | undefined; objects: Trie }>();
  const note = (position: Position, state: Trie): void => {
    const known = settled.get(text(position)) ?? new Map<string, Trie>();
    settled.set(text(position), known.set(state.root, state));
    tries.set(state.root, state);
  };
  const noteStaged = (position: Position, state: Trie): void => {
    staged.set(text(position), (staged.get(text(position)) ?? new Set()).add(state.root));
  };
  const take = (actor: Actor, event: ClusterEvent): void => {
    if (event.type === "ListStarted") {
      const asserted = event.asserts === undefined ? undefined : tries.get(event.asserts);
      if (event.asserts !== undefined && asserted === undefined)
        blame(`${actor.name} asserts a state that nobody sent`);
      const list = event.asserts === undefined ? emptyTrie : undefined;
      under.set(actor, { epoch: event.epoch, list, objects: asserted ?? emptyTrie });
      if (list === undefined) note(event, asserted ?? emptyTrie);
      else noteStaged(event, list);
      return;
    }
    const now = under.get(actor);
    if (now?.epoch !== event.epoch) return blame(`${actor.name} sends in epoch ${event.epoch} without a list`);
    if (event.type === "ListEnded" && now.list !== undefined) {
      now.objects = now.list;
      now.list = undefined;
      note(event, now.objects);
      return;
    }
    if (event.type === "Heartbeat") return; // takes no position
    const change = changeOf(event);
    const changes = change === undefined ? [] : [change];
    if (now.list === undefined) note(event, (now.objects = now.objects.with(changes)));
    else noteStaged(event, (now.list = now.list.with(changes)));
  };
  return {
    send: (actor: Actor, envelopes: readonly Envelope[]): void => {
      for (const { event } of envelopes) take(actor, JSON.parse(event) as ClusterEvent);
    },
    stateAt: (position: Position, root: string) => settled.get(text(position))?.get(root),
    isStaged: (position: Position, root: string) => staged.get(text(position))?.has(root) === true,
  };
}

function changeOf(event: ClusterEvent): readonly [string, string | undefined] | undefined {
  switch (event.type) {
    case "ObjectApplied":
      return stateEntry({ key: event.object, uid: event.uid, body: event.body });
    case "ObjectRefused":
      return stateEntry({ key: event.object, uid: event.uid, body: refusedMarker(event) });
    case "ObjectDeleted":
      return [objectKeyText(event.object), undefined];
    case "ListStarted":
    case "ListEnded":
    case "Heartbeat":
    case "ServedLocally":
      return undefined;
  }
}

function text({ epoch, seq }: Position): string {
  return `${epoch}/${seq}`;
}
