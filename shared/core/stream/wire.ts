/** Protobuf's wire format, as far as it is read by hand. */

/**
 * What was found of a field: of a varint its value in `start`, and -1 for `end`; of anything else where its bytes begin and end. Nothing is allocated
 * for what nobody looks at.
 */
export type FoundField = (field: number, start: number, end: number) => void;

const lengthDelimited = 2;

/** Calls back with every field between two offsets. Groups do not occur in proto3. Throws a RangeError when the bytes are no message. */
export function readFields(
  bytes: Uint8Array,
  [from, to]: readonly [from: number, to: number],
  found: FoundField,
): void {
  let at = from;
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = at < to ? bytes[at] : undefined;
      if (byte === undefined) throw new RangeError("the message ends within a number");
      at += 1;
      if (shift < 28) value |= (byte & 0x7f) << shift;
      else if (shift < 49) value = (value >>> 0) + (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return shift < 28 ? value >>> 0 : value;
    }
    throw new RangeError("a number is too long");
  };
  while (at < to) {
    const tag = readVarint();
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (field === 0) throw new RangeError("field number 0");
    if (wireType === 0) {
      found(field, readVarint(), -1);
      continue;
    }
    const length = lengthOf(wireType, readVarint);
    if (at + length > to) throw new RangeError("the message ends within a field");
    at += length;
    found(field, at - length, at);
  }
}

function lengthOf(wireType: number, readVarint: () => number): number {
  if (wireType === lengthDelimited) return readVarint();
  if (wireType === 1) return 8;
  if (wireType === 5) return 4;
  throw new RangeError(`wire type ${wireType}`);
}

/** Where a message within a message lies. */
export function inside(start: number, end: number): readonly [from: number, to: number] {
  if (end < 0) throw new RangeError("a number where a message is expected");
  return [start, end];
}

export function textAt(bytes: Buffer, start: number, end: number): string {
  if (end < 0) throw new RangeError("a number where text is expected");
  return bytes.toString("utf8", start, end);
}

export function numberAt(start: number, end: number): number {
  if (end >= 0) throw new RangeError("bytes where a number is expected");
  return start;
}

export function doubleAt(bytes: Buffer, start: number, end: number): number {
  if (end - start !== 8) throw new RangeError("a number that is not eight bytes");
  return bytes.readDoubleLE(start);
}
