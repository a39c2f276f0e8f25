import { isSameStream } from "./same-stream.ts";
import { type Stepped, step } from "./step.ts";
import type { Stream, StreamInput, StreamRequest } from "./stream.ts";
import type { View } from "./view.ts";

/**
 * Streams in one position take the same step: it is computed once, and they all go on from the same object. So a change costs a position what it costs a stream,
 * and a thousand idle streams of one class keep one state.
 */
export interface StepMemo {
  /** What `step` comes to; the stream is perhaps another object with the same in it. */
  readonly step: (stream: Stream, input: StreamInput) => Stepped;
  /** To be called now and then: what nobody asked for since the last but one is forgotten. */
  readonly sweep: () => void;
}

interface Known {
  readonly input: StreamInput;
  readonly stepped: Stepped;
  /** Whether a second stream has taken it. */
  again: boolean;
}

/** Streams whose next steps are kept between two sweeps. */
const capacity = 2048;
/** Of one stream: a view, and the answers to what is under way. */
const stepsEach = 8;

/**
 * `begun`: what many streams begin as. A stream that stands by itself costs hardly more than its steps: what it comes to is kept for others only from a stream
 * on that two have been seen with.
 */
export function createStepMemo(begun: readonly Stream[]): StepMemo {
  let recent = new Map<Stream, Known[]>();
  let older: ReadonlyMap<Stream, Known[]> = new Map();
  const shared = new WeakSet(begun);
  const meet = createMeetings();
  const turn = (): void => {
    older = recent;
    recent = new Map();
  };
  const stepsOf = (stream: Stream): Known[] => {
    const known = recent.get(stream);
    if (known !== undefined) return known;
    const steps = older.get(stream) ?? [];
    if (recent.size >= capacity) turn();
    recent.set(stream, steps);
    return steps;
  };
  /** One that others have come into before is shared from now on. */
  const take = (stream: Stream, input: StreamInput): Stepped => {
    const stepped = step(stream, input);
    const met = meet(stepped);
    if (met === stepped.stream) return stepped;
    shared.add(met);
    return { ...stepped, stream: met };
  };
  return {
    step(stream, input) {
      if (!shared.has(stream)) return take(stream, input);
      const steps = stepsOf(stream);
      for (const known of steps) {
        if (!isSameStep(known, input)) continue;
        if (!known.again) shared.add(known.stepped.stream);
        known.again = true;
        return known.stepped;
      }
      const stepped = take(stream, input);
      if (steps.length === stepsEach) steps.shift();
      steps.push({ input, stepped, again: false });
      return stepped;
    },
    sweep() {
      if (recent.size + older.size > 0) turn();
    },
  };
}

/** Whether the input comes to the same. Time that was not asked for does not matter. */
function isSameStep({ input: known, stepped }: Known, input: StreamInput): boolean {
  if (known.kind !== input.kind || (stepped.timed && known.now !== input.now)) return false;
  switch (known.kind) {
    case "view":
      return input.kind === "view" && known.view === input.view;
    case "request":
      return input.kind === "request" && isSameRequest(known.request, input.request);
    case "verdicts":
      return input.kind === "verdicts" && known.type === input.type && known.verdicts === input.verdicts;
    case "time":
      return true;
  }
}

function isSameRequest(one: StreamRequest, other: StreamRequest): boolean {
  if (one === other) return true;
  if (one.type !== other.type || one.nonce !== other.nonce) return false;
  return (
    one.error === other.error &&
    one.listing === other.listing &&
    areSameNames(one.subscribe, other.subscribe) &&
    areSameNames(one.unsubscribe, other.unsubscribe) &&
    areSameVersions(one.held, other.held)
  );
}

function areSameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}

/** In any order: proxies keep them in hash maps. */
function areSameVersions(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  if (one.size !== other.size) return false;
  for (const [name, version] of other) if (one.get(name) !== version) return false;
  return true;
}

/** Positions of one view that others may come into. */
const positionsEach = 4;

/** Streams that have come by different ways into the same position, and are quiet, go on as one object. */
function createMeetings(): (stepped: Stepped) => Stream {
  const positions = new WeakMap<View, Stream[]>();
  return ({ stream, quiet }) => {
    if (!quiet || stream.view === undefined) return stream;
    const known = positions.get(stream.view);
    if (known === undefined) {
      positions.set(stream.view, [stream]);
      return stream;
    }
    const same = known.find((one) => isSameStream(one, stream));
    if (same !== undefined) return same;
    if (known.length === positionsEach) known.shift();
    known.push(stream);
    return stream;
  };
}
