import { createStepMemo } from "../../shared/core/stream/step-memo.ts";
import {
  createStream,
  type Send,
  type Stream,
  type StreamInput,
  type StreamRequest,
  type Verdict,
} from "../../shared/core/stream/stream.ts";
import { absentResource, guardNames, peersOf } from "../../shared/core/stream/stream-fixture.ts";
import type { View } from "../../shared/core/stream/view.ts";
import { type EnvoyType, envoyTypes } from "../../shared/core/xds/resource.ts";

/**
 * A proxy that behaves as Envoy does (envoy.md §5, §6), and the stream that serves it. Messages wait until they are taken. Versions with a
 * `!` are refused, and of a message with one of these an arbitrary part is applied. Listeners and routes name in their version the cluster that
 * they use (`1>a`); the proxy asks for the endpoints of every cluster and for a route of every listener. As soon as a policy lets a client in, the
 * client opens a connection, and keeps it as long as its chain has its name.
 */
export interface ProxyModel {
  stream: Stream;
  now: number;
  view: View | undefined;
  /** What is in force, acknowledged or not. */
  readonly held: Readonly<Record<EnvoyType, Map<string, string>>>;
  readonly acknowledged: Readonly<Record<EnvoyType, Map<string, string>>>;
  readonly subscribed: Readonly<Record<EnvoyType, Set<string>>>;
  messages: Send[];
  /** Answers to cluster messages, which Envoy keeps back while clusters warm. */
  withheld: PartialRequest[];
  withholding: boolean;
  /** What the stream has asked about and nobody has judged. */
  questions: { readonly type: EnvoyType; readonly name: string; readonly version: string; readonly at: number }[];
  /** `type|name|version` of what may go with others. */
  readonly proven: Set<string>;
  /** When a listener last stopped using a cluster: its connections drain from then on. */
  readonly leftAt: Map<string, number>;
  /** Clusters that were refused, or withheld, last: nothing can wait for them. */
  readonly spoiled: Set<string>;
  /** Since when something about clusters has been unanswered or unjudged without a break. */
  clustersOpenSince: number | undefined;
  /** Listeners and routes that had waited for clusters as long as they may. */
  readonly overdue: Set<Send>;
  /** The open ones, as `listener|policy|name of the chain|client`. */
  readonly connections: Set<string>;
  /** `type|name` of what is in force from a message that was refused before the last reconnect: no stream can know of it any more. */
  readonly untold: Set<string>;
  taken: number;
  /** What the machine did that it must never do. */
  readonly faults: string[];
}

type PartialRequest = Partial<StreamRequest> & Pick<StreamRequest, "type">;

/** Milliseconds. Whatever is asked has a verdict after a while (gateway/xds/tasting.ts). */
export const limits = { answerLimitMs: 5000, drainMs: 30_000, verdictMs: 750 };

export function createProxyModel(): ProxyModel {
  const model: ProxyModel = {
    stream: newStream(),
    now: 0,
    view: undefined,
    held: perType(() => new Map()),
    acknowledged: perType(() => new Map()),
    subscribed: perType(() => new Set()),
    messages: [],
    withheld: [],
    withholding: false,
    questions: [],
    proven: new Set(),
    leftAt: new Map(),
    spoiled: new Set(),
    clustersOpenSince: undefined,
    overdue: new Set(),
    connections: new Set(),
    untold: new Set(),
    taken: 0,
    faults: [],
  };
  model.subscribed.secret.add("s");
  model.subscribed.extension.add("x");
  openStream(model);
  return model;
}

export function serveView(model: ProxyModel, view: View): void {
  model.view = view;
  give(model, { kind: "view", now: model.now, view });
}

export function reconnect(model: ProxyModel): void {
  model.stream = newStream();
  model.messages = [];
  model.withheld = [];
  model.questions = [];
  model.clustersOpenSince = undefined;
  for (const type of envoyTypes) {
    for (const [name, version] of model.held[type])
      if (model.acknowledged[type].get(name) !== version) model.untold.add(`${type}|${name}`);
  }
  // Nor of whoever was let in by it.
  for (const connection of model.connections) if (isUntold(model, connection)) model.connections.delete(connection);
  if (model.view !== undefined) give(model, { kind: "view", now: model.now, view: model.view });
  openStream(model);
}

/** Answers the oldest question: others have taken it, this proxy is to try, or, if it is bad, another one has refused it. */
export function judge(model: ProxyModel, wish: Verdict["verdict"]): void {
  const question = model.questions.shift();
  if (question === undefined) return;
  const { type, name, version } = question;
  const isBad = version.includes("!");
  const verdict = isBad === (wish === "refused") ? wish : "alone";
  if (verdict === "refused" && type === "cluster") model.spoiled.add(name);
  if (verdict === "proven") model.proven.add(`${type}|${name}|${version}`);
  give(model, { kind: "verdicts", now: model.now, type, verdicts: [{ name, version, verdict, message: "" }] });
}

/** Connections of clients that the policies in force do not allow. */
export function trespassers(model: ProxyModel): readonly string[] {
  const allowed = allowedConnections(model);
  return [...model.connections].filter((connection) => !allowed.has(connection));
}

export function passTime(model: ProxyModel, milliseconds: number): void {
  const end = model.now + milliseconds;
  for (let wakes = 0; ; wakes++) {
    const [question] = model.questions;
    const judgedAt = question && question.at + limits.verdictMs;
    const { wakeAt } = model.stream;
    if (judgedAt !== undefined && judgedAt <= Math.min(end, wakeAt ?? end)) {
      model.now = judgedAt;
      judge(model, "alone");
      continue;
    }
    if (wakeAt === undefined || wakeAt > end) break;
    if (wakes > 1000) {
      model.faults.push(`wants to be woken at ${wakeAt} for ever`);
      break;
    }
    model.now = Math.max(model.now, wakeAt);
    give(model, { kind: "time", now: model.now });
  }
  model.now = end;
}

/** Takes the oldest message and answers it. */
export function takeMessage(model: ProxyModel): void {
  const send = model.messages.shift();
  if (send === undefined) return;
  const bad = send.resources.some(({ version }) => version.includes("!"));
  for (const resource of send.resources) {
    model.taken += 1;
    // What came too late for a proxy that has left the name is thrown away.
    if (isByName(send.type) && !model.subscribed[send.type].has(resource.name)) continue;
    if (send.type === "cluster") model.spoiled[bad ? "add" : "delete"](resource.name);
    const applied = !bad || (!resource.version.includes("!") && model.taken % 2 === 0);
    if (applied) apply(model, send, resource);
    if (!bad) model.acknowledged[send.type].set(resource.name, resource.version);
  }
  if (!bad) for (const name of send.removed) remove(model, send.type, name);
  for (const connection of allowedConnections(model))
    if (!isUntold(model, connection)) model.connections.add(connection);
  const answer = { type: send.type, nonce: send.nonce, error: bad ? "bad" : undefined };
  if (send.type === "cluster" && model.withholding) model.withheld.push(answer);
  else ask(model, answer);
  if (send.type === "cluster") follow(model, "endpoint", model.held.cluster);
  if (send.type === "listener") follow(model, "route", model.held.listener);
}

export function withhold(model: ProxyModel, clusterAnswers: boolean): void {
  model.withholding = clusterAnswers;
  if (clusterAnswers) return;
  const answers = model.withheld;
  model.withheld = [];
  for (const answer of answers) ask(model, answer);
}

export function isByName(type: EnvoyType): boolean {
  return type !== "cluster" && type !== "listener";
}

/** The cluster that a listener's or route's version names. */
function clusterOf(version: string): string {
  return /> ?([a-z]+)/.exec(version)?.[1] ?? "";
}

function apply(model: ProxyModel, send: Send, resource: { readonly name: string; readonly version: string }): void {
  const { type } = send;
  const { name, version } = resource;
  const before = model.held[type].get(name);
  model.held[type].set(name, version);
  model.untold.delete(`${type}|${name}`);
  if (type === "listener" && before !== undefined && before !== version) model.leftAt.set(clusterOf(before), model.now);
  if (type === "listener") endConnections(model, name, chainsOf(version));
  if ((type !== "listener" && type !== "route") || model.overdue.has(send)) return;
  const cluster = clusterOf(version);
  if (cluster !== "" && !model.held.cluster.has(cluster) && !model.spoiled.has(cluster)) {
    model.faults.push(`${type} ${name} came before its cluster ${cluster}`);
  }
}

function remove(model: ProxyModel, type: EnvoyType, name: string): void {
  const before = model.held[type].get(name);
  if (type === "listener" && before !== undefined) model.leftAt.set(clusterOf(before), model.now);
  if (type === "listener") endConnections(model, name, new Map());
  if (type === "cluster" && before !== undefined) checkUnused(model, name);
  // Envoy acknowledges the removal of endpoints and goes on using them.
  if (type === "endpoint") model.faults.push(`endpoints ${name} were removed instead of emptied`);
  model.held[type].delete(name);
  model.acknowledged[type].delete(name);
}

/** By policy; a chain's name is all that tells it from the one before. */
function chainsOf(listener: string): ReadonlyMap<string, string> {
  const renamed = /\{(.*)\}/.exec(listener)?.[1] ?? "";
  return new Map(guardNames(listener).map((policy) => [policy, renamed.includes(policy) ? "renamed" : "ordinary"]));
}

function policyType(policy: string): "secret" | "extension" {
  return policy === "s" ? "secret" : "extension";
}

function allowedConnections(model: ProxyModel): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const [listener, version] of model.held.listener) {
    for (const [policy, chain] of chainsOf(version)) {
      const peers = peersOf(model.held[policyType(policy)].get(policy) ?? "") ?? [];
      for (const client of peers === "any" ? "abcd" : peers) allowed.add(`${listener}|${policy}|${chain}|${client}`);
    }
  }
  return allowed;
}

function endConnections(model: ProxyModel, listener: string, chains: ReadonlyMap<string, string>): void {
  for (const connection of model.connections) {
    const [on, policy = "", chain] = connection.split("|");
    if (on === listener && chains.get(policy) !== chain) model.connections.delete(connection);
  }
}

function isUntold(model: ProxyModel, connection: string): boolean {
  const [listener, policy = ""] = connection.split("|");
  return model.untold.has(`listener|${listener}`) || model.untold.has(`${policyType(policy)}|${policy}`);
}

function checkUnused(model: ProxyModel, cluster: string): void {
  for (const type of ["listener", "route"] as const) {
    for (const [name, version] of model.held[type]) {
      if (model.untold.has(`${type}|${name}`)) continue;
      if (clusterOf(version) === cluster) model.faults.push(`cluster ${cluster} was removed under ${type} ${name}`);
    }
  }
  const drained = (model.leftAt.get(cluster) ?? -limits.drainMs) + limits.drainMs;
  if (model.now < drained) model.faults.push(`cluster ${cluster} was removed ${drained - model.now} ms too early`);
}

/** The proxy asks by itself for what the resources that it took need, and leaves the rest. */
function follow(model: ProxyModel, type: EnvoyType, parents: ReadonlyMap<string, string>): void {
  const wanted = model.subscribed[type];
  const subscribe = [...parents.keys()].filter((name) => !wanted.has(name));
  const unsubscribe = [...wanted].filter((name) => !parents.has(name));
  if (subscribe.length + unsubscribe.length === 0) return;
  for (const name of subscribe) wanted.add(name);
  for (const name of unsubscribe) {
    wanted.delete(name);
    model.held[type].delete(name);
    model.acknowledged[type].delete(name);
  }
  ask(model, { type, subscribe, unsubscribe });
}

/** As in the gateway, streams share their steps, also with those of other cases. */
const begun = createStream({ protocol: "delta", absent: absentResource, settings: limits });
const memo = createStepMemo([begun]);

function newStream(): Stream {
  return begun;
}

function openStream(model: ProxyModel): void {
  for (const type of ["cluster", "endpoint", "secret", "listener", "route", "extension"] as const) {
    const subscribe = [...model.subscribed[type]];
    ask(model, { type, subscribe, held: new Map(model.acknowledged[type]) });
  }
}

function ask(model: ProxyModel, request: PartialRequest): void {
  const empty = { subscribe: [], unsubscribe: [], held: new Map(), nonce: "", error: undefined };
  give(model, { kind: "request", now: model.now, request: { ...empty, ...request } });
}

function give(model: ProxyModel, input: StreamInput): void {
  const { types } = model.stream;
  const hasWaited = model.now - (model.clustersOpenSince ?? model.now) >= limits.answerLimitMs;
  const { stream, outputs } = memo.step(model.stream, input);
  model.stream = stream;
  for (const output of outputs) {
    if (output.kind === "ask")
      model.questions.push(...output.names.map((one) => ({ type: output.type, at: model.now, ...one })));
    if (output.kind !== "send") continue;
    if (!types[output.type].loading) checkProven(model, output);
    const names = [...output.resources.map(({ name }) => name), ...output.removed];
    if (new Set(names).size !== names.length) model.faults.push(`a name twice among ${names.join(" ")}`);
    if (hasWaited) model.overdue.add(output);
    model.messages.push(output);
  }
  const open = [...model.messages, ...model.withheld, ...model.questions].some(({ type }) => type === "cluster");
  model.clustersOpenSince = open ? (model.clustersOpenSince ?? model.now) : undefined;
}

/** What nobody has acknowledged goes with nothing else, but for what this proxy has. */
function checkProven(model: ProxyModel, { type, resources }: Send): void {
  if (resources.length < 2 || type === "endpoint" || type === "secret") return;
  for (const { name, version, proven } of resources) {
    const isKnown = proven || model.proven.has(`${type}|${name}|${version}`);
    if (!isKnown && model.acknowledged[type].get(name)?.replace(/~|\{.*\}/, "") !== version)
      model.faults.push(`${type} ${name} ${version} went unproven with others`);
  }
}

function perType<T>(make: () => T): Record<EnvoyType, T> {
  return Object.fromEntries(envoyTypes.map((type) => [type, make()])) as Record<EnvoyType, T>;
}
