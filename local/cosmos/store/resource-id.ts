/**
 * Resource ids (`_rid`): four bytes for a database, eight for a container, sixteen for an item, each beginning with its
 * parent's; base64 with `-` in place of `/`. Clients check the length of a container's.
 */
export function databaseRid(number: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return encode(bytes);
}

export function containerRid(parent: string, number: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(0x80000000 + number);
  return encode(Buffer.concat([decode(parent), bytes]));
}

/** @param serial the item's number in its container; the order of creation */
export function itemRid(parent: string, serial: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(serial));
  return encode(Buffer.concat([decode(parent), bytes]));
}

/** The rid of the database that a container is in. */
export function databaseOf(container: string): string {
  return encode(decode(container).subarray(0, 4));
}

/** The serial in an item's rid. */
export function serialOf(rid: string): number {
  return Number(decode(rid).readBigUInt64LE(8));
}

/** The rid as a file name. */
export function ridFileName(rid: string): string {
  return decode(rid).toString("hex");
}

function encode(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("/", "-");
}

function decode(rid: string): Buffer {
  return Buffer.from(rid.replaceAll("-", "/"), "base64");
}
