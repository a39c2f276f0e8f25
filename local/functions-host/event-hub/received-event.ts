/** An event as it was read from a partition. */
export interface ReceivedEvent {
  readonly body: Uint8Array;
  readonly sequenceNumber: number;
  readonly offset: string;
  /** Milliseconds since the epoch. */
  readonly enqueuedTime: number;
  readonly partitionKey: string | undefined;
  /** The application properties. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** AMQP message properties and annotations, without the ones above. */
  readonly systemProperties: Readonly<Record<string, unknown>>;
}

/** The place of an event in its partition. */
export interface Position {
  readonly offset: string;
  readonly sequenceNumber: number;
}

/** One partition as one consumer group reads it. */
export interface PartitionSource {
  /** Host name of the namespace, without port. */
  readonly namespace: string;
  readonly hub: string;
  readonly consumerGroup: string;
  readonly partition: string;
}

export interface PartitionReader extends AsyncDisposable {
  /** Fires when another reader took the partition over. */
  readonly lost: AbortSignal;
  /**
   * Waits until something is there, then answers what is waiting, in order and at most `max`. Nothing is added to that wait.
   * Answers an empty list when the signal fires first, and when the partition is lost.
   */
  receive(max: number, signal: AbortSignal): Promise<readonly ReceivedEvent[]>;
}

/** Another reader of the same consumer group has taken the partition. */
export class OwnershipLostError extends Error {
  constructor(source: PartitionSource) {
    super(`Partition ${source.partition} of ${source.hub} (${source.consumerGroup}) is now read by another host.`);
    this.name = "OwnershipLostError";
  }
}

/** Where a partition's reader goes on after a restart. */
export interface CheckpointStore {
  read(source: PartitionSource): Promise<Position | undefined>;
  write(source: PartitionSource, position: Position): Promise<void>;
}
