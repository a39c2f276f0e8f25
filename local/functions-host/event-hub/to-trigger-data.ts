import type { TypedData } from "../app/core-api.ts";
import { bytesData, jsonData, longsData, stringsData } from "../app/typed-data.ts";
import type { PartitionSource, ReceivedEvent } from "./received-event.ts";

export interface TriggerData {
  readonly data: TypedData;
  readonly metadata: Readonly<Record<string, TypedData>>;
}

export interface TriggerDataOptions {
  readonly source: PartitionSource;
  readonly cardinality: "one" | "many";
  /** The trigger's `dataType`: "binary" hands bytes over, anything else text. */
  readonly dataType: string | undefined;
  readonly keepEmpty: boolean;
}

const largestLong = 2n ** 63n - 1n;

/** What the cloud host sends to the worker for these events, losses included (spec/azure.md §1.4, §1.5). */
export function toTriggerData(events: readonly ReceivedEvent[], options: TriggerDataOptions): TriggerData {
  const { source } = options;
  const context = jsonData({
    FullyQualifiedNamespace: source.namespace,
    EventHubName: source.hub,
    ConsumerGroup: source.consumerGroup,
    PartitionId: source.partition,
  });
  const shared = { TriggerPartitionContext: context, PartitionContext: context };
  const [only] = events;
  if (options.cardinality === "one" && only !== undefined) {
    return {
      data: options.dataType === "binary" ? { bytes: only.body } : { string: toText(only.body) },
      metadata: { ...shared, ...singleMetadata(only) },
    };
  }
  const bodies = events.map((event) => event.body);
  return {
    data:
      options.dataType === "binary"
        ? bytesData(bodies, options.keepEmpty)
        : stringsData(bodies.map(toText), options.keepEmpty),
    metadata: { ...shared, ...batchMetadata(events, options.keepEmpty) },
  };
}

function batchMetadata(events: readonly ReceivedEvent[], keepEmpty: boolean): Record<string, TypedData> {
  const strings = (values: readonly (string | undefined)[]): TypedData => stringsData(values, keepEmpty);
  return {
    PartitionKeyArray: strings(events.map((event) => event.partitionKey)),
    OffsetArray: strings(events.map((event) => toNumericOffset(event.offset))),
    OffsetStringArray: strings(events.map((event) => event.offset)),
    SequenceNumberArray: longsData(events.map((event) => event.sequenceNumber)),
    EnqueuedTimeUtcArray: jsonData(events.map((event) => toDateTime(event.enqueuedTime))),
    PropertiesArray: jsonData(events.map((event) => event.properties)),
    SystemPropertiesArray: jsonData(events.map(toSystemProperties)),
  };
}

function singleMetadata(event: ReceivedEvent): Record<string, TypedData> {
  return {
    ...(event.partitionKey === undefined ? {} : { PartitionKey: { string: event.partitionKey } }),
    Offset: { string: toNumericOffset(event.offset) },
    OffsetString: { string: event.offset },
    SequenceNumber: jsonData(event.sequenceNumber),
    EnqueuedTimeUtc: jsonData(toDateTime(event.enqueuedTime)),
    Properties: jsonData(event.properties),
    SystemProperties: jsonData(toSystemProperties(event)),
  };
}

function toSystemProperties(event: ReceivedEvent): Record<string, unknown> {
  return {
    ...event.systemProperties,
    SequenceNumber: event.sequenceNumber,
    Offset: Number(toNumericOffset(event.offset)),
    OffsetString: event.offset,
    PartitionKey: event.partitionKey ?? null,
    EnqueuedTimeUtc: toDateTime(event.enqueuedTime),
  };
}

/** The extension reads an offset as a 64-bit number and says −1 where that fails, as for the offsets of replicated namespaces. */
function toNumericOffset(offset: string): string {
  return /^-?\d+$/.test(offset) && BigInt(offset) <= largestLong ? offset : "-1";
}

function toDateTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

const decoder = new TextDecoder("utf-8");

/** UTF-8; what is not UTF-8 becomes replacement characters, so binary bodies need `dataType: "binary"`. */
function toText(body: Uint8Array): string {
  return decoder.decode(body);
}
