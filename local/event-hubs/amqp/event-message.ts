import type { NewEvent, PartitionProperties, StoredEvent } from "../log/partition-log.ts";
import { findSections, MalformedMessage, readAnnotations, readBinary, section } from "./message-sections.ts";

/** The envelope that carries several events in one transfer: each data section is one encoded message (spec azure.md §3.1). */
export const BATCH_FORMAT = 0x80013700;

const PARTITION_KEY = "x-opt-partition-key";
/** Set by the service alone; a producer's own values are dropped. */
const SYSTEM_ANNOTATIONS = new Set(["x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time", PARTITION_KEY]);

/** What one transfer asks to append. The key stands in the envelope or, for a single message, in the message. */
export interface Sent {
  readonly events: readonly NewEvent[];
  readonly partitionKey: string | undefined;
}

/** Reads a transfer's payload. Throws `MalformedMessage`. */
export function readSent(payload: Buffer, format: number): Sent {
  const partitionKey = readPartitionKey(payload);
  // Payloads are slices of what a socket read; a copy keeps the rest of the read from staying in memory.
  if (format !== BATCH_FORMAT) return { events: [{ bytes: Buffer.from(payload), partitionKey }], partitionKey };
  const events = findSections(payload)
    .filter(({ code }) => code === section.data)
    .map(({ value }) => {
      const bytes = Buffer.from(readBinary(payload, value));
      // Read even when it does not count: what is no message must be refused now, not when it is delivered.
      const own = readPartitionKey(bytes);
      return { bytes, partitionKey: partitionKey ?? own };
    });
  if (events.length === 0) throw new MalformedMessage("a batch without events");
  return { events, partitionKey: partitionKey ?? events[0]?.partitionKey };
}

function readPartitionKey(message: Buffer): string | undefined {
  const annotations = findSections(message).find(({ code }) => code === section.messageAnnotations);
  if (annotations === undefined) return undefined;
  return readAnnotations(message, annotations.value).find(({ name }) => name === PARTITION_KEY)?.text;
}

/** What a reader that asked for runtime metrics is told with each event. */
export interface RuntimeMetrics {
  readonly last: PartitionProperties;
  /** Milliseconds since the epoch. */
  readonly retrievedAt: number;
}

/** The message that a reader gets: the producer's own, with the service's annotations spliced in. */
export function toDelivery(event: StoredEvent, metrics?: RuntimeMetrics): Buffer {
  const { bytes } = event;
  const sections = findSections(bytes);
  const own = sections.find(({ code }) => code === section.messageAnnotations);
  const header = sections.find(({ code }) => code === section.header);
  const rest = sections.filter(({ code }) => code > section.messageAnnotations);
  const kept =
    own === undefined ? [] : readAnnotations(bytes, own.value).filter(({ name }) => !SYSTEM_ANNOTATIONS.has(name));
  return Buffer.concat([
    header === undefined ? Buffer.alloc(0) : bytes.subarray(header.start, header.end),
    ...(metrics === undefined ? [] : [metricsSection(metrics)]),
    mapSection(section.messageAnnotations, [
      ...kept.map((annotation) => annotation.bytes),
      entry("x-opt-sequence-number", long(event.sequenceNumber)),
      entry("x-opt-offset", string(String(event.offset))),
      entry("x-opt-enqueued-time", timestamp(event.enqueuedTime)),
      ...(event.partitionKey === undefined ? [] : [entry(PARTITION_KEY, string(event.partitionKey))]),
    ]),
    ...rest.map(({ start, end }) => bytes.subarray(start, end)),
  ]);
}

function metricsSection({ last, retrievedAt }: RuntimeMetrics): Buffer {
  return mapSection(section.deliveryAnnotations, [
    entry("last_enqueued_sequence_number", long(last.lastSequenceNumber)),
    entry("last_enqueued_offset", string(String(last.lastOffset))),
    entry("last_enqueued_time_utc", timestamp(last.lastEnqueuedTime ?? 0)),
    entry("runtime_info_retrieval_time_utc", timestamp(retrievedAt)),
  ]);
}

/** A described map32 of encoded entries. */
function mapSection(code: number, entries: readonly Buffer[]): Buffer {
  const body = Buffer.concat(entries);
  const head = Buffer.from([0x00, 0x53, code, 0xd1, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(4 + body.length, 4);
  head.writeUInt32BE(2 * entries.length, 8);
  return Buffer.concat([head, body]);
}

const entry = (name: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0xa3, name.length]), Buffer.from(name, "latin1"), value]);

function eightBytes(code: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeUInt8(code);
  bytes.writeBigInt64BE(BigInt(value), 1);
  return bytes;
}

const long = (value: number): Buffer => eightBytes(0x81, value);
const timestamp = (milliseconds: number): Buffer => eightBytes(0x83, milliseconds);

function string(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  const head = Buffer.alloc(5);
  head.writeUInt8(0xb1);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
