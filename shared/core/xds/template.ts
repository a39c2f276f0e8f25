import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { WireWriter } from "./wire-writer.ts";

/** What differs between the messages of a template: fields that are a text, and fields that are a number (uint32). */
export interface Holes<Text extends string, Count extends string> {
  readonly texts: readonly Text[];
  readonly numbers?: readonly Count[];
}

export type Filled<Text extends string, Count extends string> = Readonly<Record<Text, string> & Record<Count, number>>;

/**
 * Encodes a message of which there are thousands that differ in a few fields. `make` encodes it once, in the ordinary way, with marks where they differ; from
 * then on what lies between the marks is copied, and only the lengths of what they lie in are counted anew. So the message is said in the words of its type, and
 * the bytes are those that its encoder would give; but an empty text or 0, which it would leave out, does not fit into a hole.
 */
export function template<Text extends string, Count extends string = never>(
  { texts, numbers = [] }: Holes<Text, Count>,
  make: (marks: Filled<Text, Count>) => Uint8Array,
): (values: Filled<Text, Count>) => Uint8Array {
  const marks: Marks = new Map<string, string | number>([
    ...texts.map((name, index) => [name, `\u0001${index}\u0001`] as const),
    ...numbers.map((name, index) => [name, highestMark - index] as const),
  ]);
  const example = Object.fromEntries(marks) as Filled<Text, Count>;
  const encoded = make(example);
  const steps = stepsOf(encoded, marks);
  const fill = (values: Filled<Text, Count>): Uint8Array => write(steps, values);
  const isWhole = Buffer.compare(fill(example), encoded) === 0;
  const isComplete = [...marks.keys()].every((name) => steps.some(({ hole }) => hole === name));
  if (!isWhole || !isComplete) throw new Error("a hole of a template is not a field");
  return fill;
}

type Marks = ReadonlyMap<string, string | number>;

/** No message that we make has such a number. */
const highestMark = 0xffff_fff0;

/** What is written one after the other; each step has one shape, so that the loop over them is fast. */
interface Step {
  readonly kind: "bytes" | "text" | "number" | "open" | "close";
  readonly bytes: Uint8Array;
  readonly hole: string;
  /** Of `open`: bytes of the message's length, as far as it is known. */
  readonly lengthBytes: number;
}

const noBytes = new Uint8Array(0);

function step(kind: Step["kind"], part: Partial<Omit<Step, "kind">> = {}): Step {
  return { kind, bytes: noBytes, hole: "", lengthBytes: 0, ...part };
}

/** A message taken apart: down to the fields that are marked, and no further. */
function stepsOf(message: Uint8Array, marks: Marks): readonly Step[] {
  const steps: Step[] = [];
  const reader = new BinaryReader(message);
  let copied = 0;
  const copyTo = (end: number): void => {
    if (end > copied) steps.push(step("bytes", { bytes: message.slice(copied, end) }));
    copied = end;
  };
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const value = reader.pos;
    const field = readField(reader, number, type);
    const hole = nameOf(field, marks);
    if (hole === undefined && (typeof field === "number" || !isMarked(field, marks))) continue;
    copyTo(value);
    copied = reader.pos;
    if (hole !== undefined) steps.push(step(typeof field === "number" ? "number" : "text", { hole }));
    else if (typeof field !== "number")
      steps.push(step("open", { lengthBytes: field.length > 0x7f ? 2 : 1 }), ...stepsOf(field, marks), step("close"));
  }
  copyTo(message.length);
  return steps;
}

/** Nothing where a field cannot hold a mark. */
function readField(reader: BinaryReader, number: number, type: WireType): number | Uint8Array {
  if (type === WireType.LengthDelimited) return reader.bytes();
  if (type === WireType.Varint) return reader.uint32();
  reader.skip(type, number);
  return noBytes;
}

function nameOf(field: number | Uint8Array, marks: Marks): string | undefined {
  const value = typeof field === "number" ? field : Buffer.from(field).toString("latin1");
  for (const [name, mark] of marks) if (mark === value) return name;
  return undefined;
}

function isMarked(field: Uint8Array, marks: Marks): boolean {
  const bytes = Buffer.from(field);
  return [...marks.values()].some((mark) => bytes.includes(typeof mark === "string" ? mark : varint(mark)));
}

function varint(value: number): Buffer {
  return Buffer.from(new WireWriter().uint32(value).finish());
}

/** Encoding never waits, so one for all. */
const writer = new WireWriter();

function write(steps: readonly Step[], values: Readonly<Record<string, string | number>>): Uint8Array {
  writer.clear();
  for (const { kind, bytes, hole, lengthBytes } of steps) {
    switch (kind) {
      case "bytes":
        writer.raw(bytes);
        break;
      case "text":
        writer.string(values[hole] as string);
        break;
      case "number":
        writer.uint32(values[hole] as number);
        break;
      case "open":
        writer.fork(lengthBytes);
        break;
      case "close":
        writer.join();
        break;
    }
  }
  return writer.finish();
}
