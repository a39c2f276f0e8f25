import type { Refusal } from "./refusal.ts";

/** Readers without an epoch that the service admits to one partition of one consumer group (spec azure.md §3.1). */
const MAX_READERS_WITHOUT_EPOCH = 5;

/** An attached reader of one partition in one consumer group. */
export interface Reader {
  /** The name that the client gave itself. */
  readonly name: string;
  /** `ownerLevel` in the SDK; undefined when it did not ask to be the only reader. */
  readonly epoch: number | undefined;
}

export type Admission<Attached extends Reader> =
  /** `stolen`: the readers that must leave, each told `reason`. */
  | { readonly admitted: true; readonly stolen: readonly Attached[]; readonly reason: Refusal }
  | { readonly admitted: false; readonly refusal: Refusal };

/** Whether a reader may attach beside (or instead of) those that are there: an epoch at least as high wins, all others lose. */
export function admitReader<Attached extends Reader>(
  attached: readonly Attached[],
  reader: Reader,
): Admission<Attached> {
  const owner = attached.find(({ epoch }) => epoch !== undefined);
  if (reader.epoch === undefined) {
    if (owner?.epoch !== undefined) {
      return refuse(
        "amqp:link:stolen",
        `At least one receiver for the endpoint is created with epoch of '${owner.epoch}', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or disconnected.`,
      );
    }
    if (attached.length >= MAX_READERS_WITHOUT_EPOCH) {
      return { admitted: false, refusal: readerLimit(attached) };
    }
    return { admitted: true, stolen: [], reason: stolenBy(reader) };
  }
  if (owner?.epoch !== undefined && owner.epoch > reader.epoch) {
    return refuse(
      "amqp:link:stolen",
      `Receiver '${owner.name}' with a higher epoch '${owner.epoch}' already exists. Receiver '${reader.name}' with epoch ${reader.epoch} cannot be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or disconnected.`,
    );
  }
  return { admitted: true, stolen: attached, reason: stolenBy(reader) };
}

export function readerLimit(attached: readonly Reader[]): Refusal {
  const names = attached.map(({ name }) => name).join(", ");
  return {
    condition: "amqp:resource-limit-exceeded",
    description: `Exceeded the maximum number of allowed receivers per partition in a consumer group which is ${MAX_READERS_WITHOUT_EPOCH}. List of connected receivers - ${names}.`,
  };
}

function refuse(condition: string, description: string): { readonly admitted: false; readonly refusal: Refusal } {
  return { admitted: false, refusal: { condition, description } };
}

function stolenBy({ name, epoch }: Reader): Refusal {
  return {
    condition: "amqp:link:stolen",
    description: `New receiver '${name}' with higher epoch of '${epoch ?? "none"}' is created hence current receiver is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used.`,
  };
}
