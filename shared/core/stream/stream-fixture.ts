import { type EnvoyType, envoyTypes } from "../xds/resource.ts";
import { step } from "./step.ts";
import {
  createStream,
  type NamedVersion,
  type Send,
  type Stream,
  type StreamInput,
  type StreamOutput,
  type StreamProtocol,
  type StreamRequest,
  type Verdict,
} from "./stream.ts";
import type { Guards, Peers, View, ViewResource } from "./view.ts";

/** Builders for tests of streams: a view in a few words, and a stream that is told things one after the other. */

export type ViewContent = Partial<Record<EnvoyType, Readonly<Record<string, string>>>>;

/**
 * `{ cluster: { cart: 'v1' } }`; a version that ends in `?` is unproven. A policy with `[ab]` in its version lets a and b open connections (`[*]`: anyone),
 * a listener with `(xs)` asks the policies x and s, and is `…{x}` with the chain of x renamed. Equal content gives the same resource objects.
 */
export function viewOf(generation: number, content: ViewContent): View {
  const resources = Object.fromEntries(
    envoyTypes.map((type) => [
      type,
      new Map(Object.entries(content[type] ?? {}).map(([name, version]) => [name, resourceOf(type, name, version)])),
    ]),
  ) as Record<EnvoyType, Map<string, ViewResource>>;
  return { generation, snapshotVersion: generation, resources };
}

const shared = new Map<string, ViewResource>();

function resourceOf(type: EnvoyType, name: string, version: string): ViewResource {
  const key = `${type}|${name}|${version}`;
  const known = shared.get(key);
  if (known !== undefined) return known;
  const peers = peersOf(version);
  const guards = type === "listener" ? guardsOf(version) : undefined;
  const resource: ViewResource = {
    name,
    version,
    body: Buffer.from(key),
    proven: !version.endsWith("?"),
    ...(peers && { peers }),
    ...(guards && { guards }),
  };
  shared.set(key, resource);
  return resource;
}

/** Whom a policy of this version lets in. */
export function peersOf(version: string): Peers | undefined {
  const letters = /\[(.*)\]/.exec(version)?.[1];
  if (letters === undefined) return undefined;
  return letters === "*" ? "any" : new Set(letters);
}

/** The policies that a listener of this version asks. */
export function guardNames(version: string): readonly string[] {
  return (/\((.*)\)/.exec(version)?.[1] ?? "").split("");
}

function guardsOf(version: string): Guards | undefined {
  const names = guardNames(version);
  if (names.length === 0) return undefined;
  return {
    policies: names.map((name) => ({ type: name === "s" ? "secret" : "extension", name })),
    renamed(policies) {
      const renamed = `${version}{${policies.join("")}}`;
      return { version: renamed, body: Buffer.from(renamed) };
    },
  };
}

export function absentResource(type: EnvoyType, name: string): Uint8Array | "removed" {
  return type === "endpoint" || type === "route" || type === "extension"
    ? Buffer.from(`absent|${type}|${name}`)
    : "removed";
}

export interface StreamFixture {
  readonly stream: Stream;
  readonly now: number;
  /** Everything since the last call of `take`. */
  take(): StreamOutput[];
  /** The messages among it, as `type +name@version -name #number`. */
  sent(): string[];
  pass(milliseconds: number): void;
  view(view: View): void;
  request(type: EnvoyType, request?: Partial<StreamRequest>): void;
  /** By number or nonce. */
  accept(type: EnvoyType, nonce: string): void;
  refuse(type: EnvoyType, nonce: string): void;
  judge(type: EnvoyType, verdict: Verdict["verdict"], names: readonly NamedVersion[]): void;
  /** Accepts everything that is sent, until nothing more comes. Returns the messages. */
  acceptAll(): Send[];
}

/** Everything that is asked about may go alone, unless the test judges itself. */
export function createStreamFixture(protocol: StreamProtocol = "delta", keepsQuestions = false): StreamFixture {
  let stream = createStream({
    protocol,
    absent: absentResource,
    settings: { answerLimitMs: 5_000, drainMs: 30_000 },
  });
  let now = 1_000;
  let outputs: StreamOutput[] = [];
  /** Messages are numbered for tests; their nonces depend on generations. */
  const nonces: string[] = [];
  const give = (input: StreamInput): void => {
    const result = step(stream, input);
    stream = result.stream;
    for (const output of result.outputs) {
      if (output.kind === "send") nonces.push(output.nonce);
      if (output.kind !== "ask" || keepsQuestions) outputs.push(output);
    }
    for (const output of result.outputs) {
      if (output.kind === "ask" && !keepsQuestions) fixture.judge(output.type, "alone", output.names);
    }
  };
  const nonceOf = (number: string): string => (number.includes(".") ? number : (nonces[Number(number) - 1] ?? number));
  const fixture: StreamFixture = {
    get stream() {
      return stream;
    },
    get now() {
      return now;
    },
    take() {
      const taken = outputs;
      outputs = [];
      return taken;
    },
    sent: () =>
      fixture
        .take()
        .flatMap((output) => (output.kind === "send" ? [describeSend(output, nonces.indexOf(output.nonce) + 1)] : [])),
    pass(milliseconds) {
      const end = now + milliseconds;
      while (stream.wakeAt !== undefined && stream.wakeAt <= end) {
        now = Math.max(now, stream.wakeAt);
        give({ kind: "time", now });
      }
      now = end;
    },
    view: (view) => give({ kind: "view", now, view }),
    request: (type, request) =>
      give({
        kind: "request",
        now,
        request: { type, subscribe: [], unsubscribe: [], held: new Map(), nonce: "", error: undefined, ...request },
      }),
    accept: (type, nonce) => fixture.request(type, { nonce: nonceOf(nonce) }),
    judge: (type, verdict, names) =>
      give({ kind: "verdicts", now, type, verdicts: names.map((one) => ({ ...one, verdict, message: "judged" })) }),
    refuse: (type, nonce) => fixture.request(type, { nonce: nonceOf(nonce), error: "bad" }),
    acceptAll() {
      const all: Send[] = [];
      for (;;) {
        const sends = fixture.take().filter((output) => output.kind === "send");
        if (sends.length === 0) return all;
        all.push(...sends);
        for (const send of sends) fixture.accept(send.type, send.nonce);
      }
    },
  };
  return fixture;
}

function describeSend(send: Send, number: number): string {
  const added = send.resources.map((resource) => ` +${resource.name}@${resource.version}`);
  const removed = send.removed.map((name) => ` -${name}`);
  return `${send.type}${added.join("")}${removed.join("")} #${number}`;
}
