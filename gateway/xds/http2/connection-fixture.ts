import type { XdsCall } from "../call.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHost, Drop } from "./connection-host.ts";
import { type Frame, FrameReader } from "./frame-reader.ts";
import { writeFrameHeader } from "./frames.ts";
import { encodeGreeting } from "./greeting.ts";
import { defaultHttp2Limits, type Http2Limits } from "./limits.ts";
import { createMessageFrames } from "./message-frames.ts";
import type { Wire } from "./output.ts";
import { errorCode, flag, frameType, preface } from "./protocol.ts";
import { answerRequest } from "./requests.ts";
import type { WriteBatch, Writer } from "./write-batch.ts";

/** A connection whose socket is two lists, for tests: what a peer sends is given, what it gets is read. */
export interface ConnectionFixture {
  readonly connection: Connection;
  /** Calls that came in, in order. */
  readonly calls: readonly XdsCall[];
  /** Messages that came on any call, after `listen`. */
  readonly messages: readonly string[];
  /** Why calls went away, and `finished`, `drained`. */
  readonly events: readonly string[];
  readonly drops: readonly Drop[];
  readonly faults: readonly unknown[];
  /** How often something was written: calls of the kernel. */
  readonly writes: number;
  readonly socket: { full: boolean; ended: boolean; destroyed: boolean };
  send(...frames: readonly Buffer[]): void;
  /** Whatever was written since the last look, as frames in words: `headers 1 end`, `reset 1 cancel`. */
  received(): string[];
  /** The payload bytes of DATA that was written since the last look. */
  receivedData(): Buffer;
  /** So many milliseconds later, a sweep at each second. */
  pass(milliseconds: number): void;
}

export function startConnection(
  options: { readonly limits?: Partial<Http2Limits>; readonly hold?: boolean } = {},
): ConnectionFixture {
  const limits = { ...defaultHttp2Limits, ...options.limits };
  const calls: XdsCall[] = [];
  const messages: string[] = [];
  const events: string[] = [];
  const drops: Drop[] = [];
  const faults: unknown[] = [];
  const { wire, socket, written, writes } = createWire();
  const open = (call: XdsCall): void => {
    calls.push(call);
    if (options.hold === true) return;
    call.listen({
      message: (bytes) => messages.push(bytes.toString()),
      drained: () => events.push("drained"),
      finished: () => events.push("finished"),
      gone: (reason) => events.push(`gone: ${reason}`),
    });
  };
  const batch = createBatch();
  const host: ConnectionHost & { now: number } = {
    limits,
    greeting: encodeGreeting(limits),
    batch,
    pieceBytes: Number.POSITIVE_INFINITY,
    messageFrames: createMessageFrames(1024 * 1024),
    now: 0,
    request: (request) =>
      answerRequest(request, { routes: new Map([["/echo", open]]), messageBytes: limits.messageBytes }),
    dropped: (drop) => drops.push(drop),
    fault: (error) => faults.push(error),
  };
  const connection = new Connection(wire, host);
  const read = (): Frame[] => {
    batch.flush();
    const reader = new FrameReader();
    const frames: Frame[] = [];
    reader.read(Buffer.concat([preface, ...written.splice(0)]), { frame: (frame) => frames.push(frame) > 0 });
    return frames;
  };
  return {
    connection,
    calls,
    messages,
    events,
    drops,
    faults,
    get writes() {
      batch.flush();
      return writes();
    },
    socket,
    send(...frames) {
      connection.receive(Buffer.concat(frames));
      batch.flush();
    },
    received: () => read().map(inWords),
    receivedData: () =>
      Buffer.concat(read().flatMap(({ type, payload }) => (type === frameType.data ? [payload] : []))),
    pass(milliseconds) {
      for (let left = milliseconds; left > 0; left -= 1000) {
        host.now += Math.min(left, 1000);
        connection.sweep();
        batch.flush();
      }
    },
  };
}

/** A socket that keeps what is written. */
function createWire() {
  const socket = { full: false, ended: false, destroyed: false };
  const written: Buffer[] = [];
  let writes = 0;
  let corked = 0;
  const wire: Wire = {
    write(bytes) {
      written.push(bytes);
      if (corked === 0) writes += 1;
      return !socket.full;
    },
    cork: () => {
      corked += 1;
    },
    uncork: () => {
      corked -= 1;
      writes += 1;
    },
    end: () => {
      socket.ended = true;
    },
    destroy: () => {
      socket.destroyed = true;
    },
    get writableNeedDrain() {
      return socket.full;
    },
    remoteAddress: "::ffff:10.1.0.2",
  };
  return { wire, socket, written, writes: () => writes };
}

/** A batch that is flushed when the test says so. */
function createBatch(): WriteBatch & Writer {
  let waiting: Writer[] = [];
  return {
    add: (writer) => waiting.push(writer),
    flush() {
      while (waiting.length > 0) {
        const due = waiting;
        waiting = [];
        for (const writer of due) writer.flush();
      }
    },
  };
}

export function frame(
  type: keyof typeof frameType,
  options: { readonly streamId?: number; readonly flags?: number; readonly payload?: Buffer } = {},
): Buffer {
  const { streamId = 0, flags = 0, payload = Buffer.alloc(0) } = options;
  const bytes = Buffer.alloc(9 + payload.length);
  writeFrameHeader(bytes, 0, { type: frameType[type], flags, streamId, length: payload.length });
  payload.copy(bytes, 9);
  return bytes;
}

/** What a client begins with: preface, settings, and the acknowledgement of ours. */
export const hello: Buffer = Buffer.concat([preface, frame("settings"), frame("settings", { flags: flag.ack })]);

function text(value: string): Buffer {
  const { length } = value;
  const prefix = length < 127 ? [length] : [127, ((length - 127) & 0x7f) | 0x80, (length - 127) >> 7];
  return Buffer.concat([Buffer.from(prefix), Buffer.from(value, "latin1")]);
}

/** A header block of plain literals. */
export function block(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

export const requestFields = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/echo",
  "content-type": "application/grpc",
};

/** A call that begins. */
export function request(streamId: number, fields: Readonly<Record<string, string>> = {}): Buffer {
  return frame("headers", { streamId, flags: flag.endHeaders, payload: block({ ...requestFields, ...fields }) });
}

/** A gRPC message as it lies in data. */
export function message(text: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

export function data(streamId: number, payload: Buffer, flags = 0): Buffer {
  return frame("data", { streamId, flags, payload });
}

export function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const typeNames: ReadonlyMap<number, string> = new Map(Object.entries(frameType).map(([name, type]) => [type, name]));
const errorNames: ReadonlyMap<number, string> = new Map(Object.entries(errorCode).map(([name, code]) => [code, name]));

function inWords({ type, flags, streamId, payload }: Frame): string {
  const name = typeNames.get(type) ?? String(type);
  const end = (flags & flag.endStream) !== 0;
  if (type === frameType.reset) return `${name} ${streamId} ${errorNames.get(payload.readUInt32BE(0))}`;
  if (type === frameType.goAway) return `${name} ${payload.readUInt32BE(0)} ${errorNames.get(payload.readUInt32BE(4))}`;
  if (type === frameType.windowUpdate) return `${name} ${streamId} ${payload.readUInt32BE(0)}`;
  if (type === frameType.settings || type === frameType.ping) return end ? `${name} ack` : name;
  if (type === frameType.data) return `${name} ${streamId} ${payload.length}${end ? " end" : ""}`;
  return `${name} ${streamId}${end ? " end" : ""}`;
}
