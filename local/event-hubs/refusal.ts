/** Why a link, a request or a transfer is refused: an AMQP error as the service words it (the SDK reads both fields). */
export interface Refusal {
  readonly condition: string;
  readonly description: string;
}

/** The SDK takes a missing hub, group or partition for `MessagingEntityNotFoundError` by these words. */
export function notFound(entity: string): Refusal {
  return { condition: "amqp:not-found", description: `The messaging entity '${entity}' could not be found.` };
}

export function invalidArgument(description: string): Refusal {
  return { condition: "com.microsoft:argument-error", description };
}
