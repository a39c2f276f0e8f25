/**
 * Finds the sections of an encoded AMQP 1.0 message (specification part 3, §3.2) without decoding bodies, so that an event
 * is kept and delivered with exactly the bytes and types that its producer chose.
 */

/** Section codes (the descriptor `amqp:…:*` as a number). */
export const section = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  messageAnnotations: 0x72,
  properties: 0x73,
  applicationProperties: 0x74,
  data: 0x75,
} as const;

/** One section: where it begins (descriptor), where its value begins (constructor byte), where it ends. */
export interface MessageSection {
  readonly code: number;
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

/** Thrown for bytes that are no AMQP message; the producer gets `amqp:decode-error`. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

/** The sections of a message in the order in which they stand. */
export function findSections(message: Buffer): readonly MessageSection[] {
  return decoding(() => {
    const found: MessageSection[] = [];
    for (let start = 0; start < message.length; ) {
      if (message[start] !== 0x00) throw new MalformedMessage(`no section begins at byte ${start}`);
      const value = endOfValue(message, start + 1);
      const end = endOfValue(message, value);
      found.push({ code: readDescriptor(message, start + 1), start, value, end });
      start = end;
    }
    return found;
  });
}

/** The contents of a binary value, without copying. */
export function readBinary(message: Buffer, at: number): Buffer {
  return decoding(() => {
    switch (message.readUInt8(at)) {
      case 0xa0:
        return message.subarray(at + 2, at + 2 + message.readUInt8(at + 1));
      case 0xb0:
        return message.subarray(at + 5, at + 5 + message.readUInt32BE(at + 1));
      default:
        throw new MalformedMessage(`no binary at byte ${at}`);
    }
  });
}

/** A key of an annotation map with its value, as they stand in the message. */
export interface Annotation {
  readonly name: string;
  /** The value, when it is a string or a symbol. */
  readonly text: string | undefined;
  /** Key and value, encoded. */
  readonly bytes: Buffer;
}

/** The entries of the annotation map whose constructor stands at `at`. */
export function readAnnotations(message: Buffer, at: number): readonly Annotation[] {
  return decoding(() => {
    const code = message.readUInt8(at);
    if (code !== 0xc1 && code !== 0xd1) throw new MalformedMessage(`no map at byte ${at}`);
    const wide = code === 0xd1;
    const count = wide ? message.readUInt32BE(at + 5) : message.readUInt8(at + 2);
    const entries: Annotation[] = [];
    let start = at + (wide ? 9 : 3);
    for (let index = 0; index < count; index += 2) {
      const value = endOfValue(message, start);
      const end = endOfValue(message, value);
      entries.push({
        name: readText(message, start) ?? "",
        text: readText(message, value),
        bytes: message.subarray(start, end),
      });
      start = end;
    }
    return entries;
  });
}

function readText(message: Buffer, at: number): string | undefined {
  const code = message.readUInt8(at);
  if (code === 0xa1 || code === 0xa3) return message.toString("utf8", at + 2, at + 2 + message.readUInt8(at + 1));
  if (code === 0xb1 || code === 0xb3) return message.toString("utf8", at + 5, at + 5 + message.readUInt32BE(at + 1));
  return undefined;
}

function readDescriptor(message: Buffer, at: number): number {
  switch (message.readUInt8(at)) {
    case 0x53:
      return message.readUInt8(at + 1);
    case 0x80:
      return Number(message.readBigUInt64BE(at + 1));
    default:
      throw new MalformedMessage(`the section at byte ${at - 1} has no numeric descriptor`);
  }
}

/** The byte behind the value whose constructor stands at `at`; the upper half of the constructor tells its width (part 1, §1.2). */
function endOfValue(message: Buffer, at: number): number {
  const code = message.readUInt8(at);
  if (code === 0x00) return endOfValue(message, endOfValue(message, at + 1));
  const end = at + 1 + widthOf(message, code, at + 1);
  if (end > message.length) throw new MalformedMessage(`the value at byte ${at} is longer than the message`);
  return end;
}

function widthOf(message: Buffer, code: number, at: number): number {
  switch (code >>> 4) {
    case 0x4:
      return 0;
    case 0x5:
      return 1;
    case 0x6:
      return 2;
    case 0x7:
      return 4;
    case 0x8:
      return 8;
    case 0x9:
      return 16;
    case 0xa:
    case 0xc:
    case 0xe:
      return 1 + message.readUInt8(at);
    case 0xb:
    case 0xd:
    case 0xf:
      return 4 + message.readUInt32BE(at);
    default:
      throw new MalformedMessage(`unknown type 0x${code.toString(16)} at byte ${at - 1}`);
  }
}

/** Reading past the end is the sender's mistake, not ours. */
function decoding<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof RangeError) throw new MalformedMessage("the message ends too early", { cause });
    throw cause;
  }
}
