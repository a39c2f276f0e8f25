/** What is read of either kind of discovery response; both use the same numbers for these fields. */
export interface ReadResponse {
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Buffer[];
}

export function readResponse(message: Buffer): ReadResponse {
  const read = { version: "", nonce: "", resources: [] as Buffer[] };
  for (const [field, value] of fieldsOf(message)) {
    if (field === 1) read.version = value.toString();
    else if (field === 2) read.resources.push(value);
    else if (field === 5) read.nonce = value.toString();
  }
  return read;
}

/** Of a delta response's resource. */
export function nameAndVersion(resource: Buffer): readonly [name: string, version: string] {
  let [name, version] = ["", ""];
  for (const [field, value] of fieldsOf(resource)) {
    if (field === 1) version = value.toString();
    else if (field === 3) name = value.toString();
  }
  return [name, version];
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
