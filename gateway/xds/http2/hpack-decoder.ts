import { decodeHuffman } from "./huffman.ts";
import { ConnectionFault } from "./protocol.ts";
import { staticTable } from "./static-table.ts";

export type Field = readonly [name: string, value: string];

/** What a field counts for beside its characters (RFC 7541 §4.1). */
const fieldOverhead = 32;
const largestTable = 4096;

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/** Decodes the header blocks of one connection (RFC 7541). The peer may make it keep 4 KB, as is usual: not all peers obey who allows less. */
export class HpackDecoder {
  /** Newest first. */
  #table: Field[] = [];
  #tableBytes = 0;
  #capacity = largestTable;

  /**
   * The fields of a whole block, each counted as in RFC 9113 §6.5.2. Throws a ConnectionFault when the block is not valid, since the tables of the two ends are then not
   * the same any more, and when its fields are more than `limit` bytes.
   */
  decode(block: Buffer, limit: number): Field[] {
    const fields: Field[] = [];
    const cursor: Cursor = { bytes: block, at: 0 };
    let bytes = 0;
    while (cursor.at < block.length) {
      const field = this.#next(cursor, fields.length === 0);
      if (field === undefined) continue;
      bytes += sizeOf(field);
      if (bytes > limit) throw new ConnectionFault("enhanceYourCalm", `headers of more than ${limit} bytes`);
      fields.push(field);
    }
    return fields;
  }

  /** One representation (RFC 7541 §6); undefined for a change of the table's size. */
  #next(cursor: Cursor, first: boolean): Field | undefined {
    const byte = cursor.bytes[cursor.at] ?? 0;
    if (byte >= 0x80) return this.#indexed(readInteger(cursor, 7));
    if (byte >= 0x40) {
      const field = this.#literal(cursor, 6);
      this.#insert(field);
      return field;
    }
    if (byte < 0x20) return this.#literal(cursor, 4);
    const capacity = readInteger(cursor, 5);
    if (!first) throw invalid("a table size after a field");
    if (capacity > largestTable) throw invalid("a larger table than is allowed");
    this.#resize(capacity);
    return undefined;
  }

  #indexed(index: number): Field {
    const field = staticTable[index - 1] ?? this.#table[index - 1 - staticTable.length];
    if (index === 0 || field === undefined) throw invalid(`index ${index}`);
    return field;
  }

  #literal(cursor: Cursor, prefixBits: number): Field {
    const index = readInteger(cursor, prefixBits);
    const name = index === 0 ? readString(cursor) : this.#indexed(index)[0];
    return [name, readString(cursor)];
  }

  #insert(field: Field): void {
    const bytes = sizeOf(field);
    this.#evict(this.#capacity - bytes);
    if (bytes > this.#capacity) return;
    this.#table.unshift(field);
    this.#tableBytes += bytes;
  }

  #resize(capacity: number): void {
    this.#capacity = capacity;
    this.#evict(capacity);
  }

  #evict(room: number): void {
    while (this.#tableBytes > Math.max(0, room)) {
      const oldest = this.#table.pop();
      if (oldest === undefined) return;
      this.#tableBytes -= sizeOf(oldest);
    }
  }
}

function sizeOf([name, value]: Field): number {
  return name.length + value.length + fieldOverhead;
}

function readInteger(cursor: Cursor, prefixBits: number): number {
  const most = 2 ** prefixBits - 1;
  let value = (cursor.bytes[cursor.at] ?? 0) & most;
  cursor.at += 1;
  if (value < most) return value;
  // More than four further bytes would be a number that nothing here can have.
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = cursor.bytes[cursor.at];
    if (byte === undefined) throw invalid("a number is cut off");
    cursor.at += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw invalid("a number is too long");
}

function readString(cursor: Cursor): string {
  const coded = ((cursor.bytes[cursor.at] ?? 0) & 0x80) !== 0;
  const length = readInteger(cursor, 7);
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw invalid("a string is cut off");
  const bytes = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  if (!coded) return bytes.toString("latin1");
  const text = decodeHuffman(bytes);
  if (text === undefined) throw invalid("a string is not Huffman coded");
  return text;
}

function invalid(message: string): ConnectionFault {
  return new ConnectionFault("compression", message);
}
