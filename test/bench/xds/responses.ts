/** What is read of either kind of discovery response; both use the same numbers for these fields. */
export interface ReadResponse {
  readonly version: string;
  readonly nonce: string;
  readonly typeUrl: string;
  readonly removed: readonly string[];
  readonly resources: readonly Buffer[];
}

export function readResponse(message: Buffer): ReadResponse {
  const read = { version: "", nonce: "", typeUrl: "", resources: [] as Buffer[], removed: [] as string[] };
  for (const [field, value] of fieldsOf(message)) {
    if (field === 1) read.version = value.toString();
    else if (field === 2) read.resources.push(value);
    else if (field === 4) read.typeUrl = value.toString();
    else if (field === 6) read.removed.push(value.toString());
    else if (field === 5) read.nonce = value.toString();
  }
  return read;
}

export interface ReadResource {
  readonly name: string;
  readonly version: string;
  readonly body: Uint8Array;
}

/** Of a delta response's resource. */
export function readDeltaResource(resource: Buffer): ReadResource {
  const read = { name: "", version: "", body: new Uint8Array() as Uint8Array };
  for (const [field, value] of fieldsOf(resource)) {
    if (field === 1) read.version = value.toString();
    else if (field === 2) read.body = valueOfAny(value);
    else if (field === 3) read.name = value.toString();
  }
  return read;
}

function valueOfAny(any: Buffer): Uint8Array {
  for (const [field, value] of fieldsOf(any)) if (field === 2) return value;
  return new Uint8Array();
}

/** All fields that we are sent are of one wire type: a length and so many bytes. */
function* fieldsOf(message: Buffer): Generator<readonly [field: number, value: Buffer]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    if ((tag & 7) !== 2) throw new Error(`a field of wire type ${tag & 7}`);
    const length = varint();
    yield [tag >> 3, message.subarray(at, at + length)];
    at += length;
  }
}
