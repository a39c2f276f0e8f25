import { doubleAt, inside, numberAt, readFields, textAt } from "./wire.ts";

export interface ProxyNode {
  readonly id: string;
  readonly cluster: string;
  /** `major.minor.patch`, or what the proxy calls itself; empty when it does not say. */
  readonly version: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

type Range = readonly [from: number, to: number];

/** envoy.config.core.v3.Node as far as it is used: the whole is 61 KB of extensions. */
export function decodeNode(bytes: Buffer, range: Range): ProxyNode {
  const node = { id: "", cluster: "", version: "", metadata: {} as Readonly<Record<string, unknown>> };
  readFields(bytes, range, (field, start, end) => {
    if (field === 1) node.id = textAt(bytes, start, end);
    else if (field === 2) node.cluster = textAt(bytes, start, end);
    else if (field === 3) node.metadata = decodeStruct(bytes, inside(start, end), 0);
    else if (field === 7) node.version = textAt(bytes, start, end);
    else if (field === 8) node.version = decodeBuildVersion(bytes, inside(start, end));
  });
  return node;
}

/** BuildVersion.version, a SemanticVersion. */
function decodeBuildVersion(bytes: Buffer, range: Range): string {
  const numbers = [0, 0, 0];
  readFields(bytes, range, (field, start, end) => {
    if (field !== 1) return;
    readFields(bytes, inside(start, end), (part, value, after) => {
      if (part >= 1 && part <= 3) numbers[part - 1] = numberAt(value, after);
    });
  });
  return numbers.join(".");
}

/** Deeper values than any proxy sends are a fault of the sender, not a reason to run out of stack. */
const deepest = 16;

/** google.protobuf.Struct as a plain object. */
function decodeStruct(bytes: Buffer, range: Range, depth: number): Readonly<Record<string, unknown>> {
  if (depth > deepest) throw new RangeError("metadata is nested too deeply");
  const fields: [string, unknown][] = [];
  readFields(bytes, range, (field, start, end) => {
    if (field !== 1) return;
    let name = "";
    let content: unknown = null;
    readFields(bytes, inside(start, end), (part, from, to) => {
      if (part === 1) name = textAt(bytes, from, to);
      else if (part === 2) content = decodeValue(bytes, inside(from, to), depth);
    });
    fields.push([name, content]);
  });
  return Object.fromEntries(fields);
}

/** google.protobuf.Value */
function decodeValue(bytes: Buffer, range: Range, depth: number): unknown {
  let result: unknown = null;
  readFields(bytes, range, (field, start, end) => {
    if (field === 2) result = doubleAt(bytes, start, end);
    else if (field === 3) result = textAt(bytes, start, end);
    else if (field === 4) result = numberAt(start, end) !== 0;
    else if (field === 5) result = decodeStruct(bytes, inside(start, end), depth + 1);
    else if (field === 6) result = decodeList(bytes, inside(start, end), depth + 1);
  });
  return result;
}

/** google.protobuf.ListValue */
function decodeList(bytes: Buffer, range: Range, depth: number): unknown[] {
  if (depth > deepest) throw new RangeError("metadata is nested too deeply");
  const values: unknown[] = [];
  readFields(bytes, range, (field, start, end) => {
    if (field === 1) values.push(decodeValue(bytes, inside(start, end), depth));
  });
  return values;
}
