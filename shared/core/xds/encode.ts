import type { Any } from "./gen/google/protobuf/any.ts";
import type { Duration } from "./gen/google/protobuf/duration.ts";
import { WireWriter } from "./wire-writer.ts";

/** A generated message type. */
export interface MessageType<T> {
  readonly $type: string;
  encode(message: T, writer?: WireWriter): WireWriter;
}

// One buffer for all: encoding never waits, and an inner message is finished before its outer one begins.
const writer = new WireWriter();

/**
 * Deterministic as long as the members of map fields were inserted in sorted order. `rest`: the fields that come after those of the message, encoded. So
 * what is the same in thousands of messages is encoded once; and they are still the bytes of the whole message, as fields stand one after the other.
 */
export function encode<T>(type: MessageType<T>, message: T, rest?: Uint8Array): Uint8Array {
  type.encode(message, writer.clear());
  if (rest !== undefined) writer.raw(rest);
  return writer.finish();
}

export function any<T>(type: MessageType<T>, message: T, rest?: Uint8Array): Any {
  return { typeUrl: typeUrl(type), value: encode(type, message, rest) };
}

export function typeUrl(type: MessageType<never>): string {
  return `type.googleapis.com/${type.$type}`;
}

export function milliseconds(value: number): Duration {
  return { seconds: Math.trunc(value / 1000), nanos: (value % 1000) * 1_000_000 };
}
