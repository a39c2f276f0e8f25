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

export function unauthorizedFor(claim: "Send" | "Listen" | "Manage", hub: string): Refusal {
  return {
    condition: "amqp:unauthorized-access",
    description: `Unauthorized access. '${claim}' claim(s) are required to perform this operation. Resource: '${hub}'.`,
  };
}

export const serverBusy: Refusal = {
  condition: "com.microsoft:server-busy",
  description:
    "The request was terminated because the namespace is being throttled. Error code: 50002. Please wait 4 seconds and try again.",
};

/** What a link is told that the service closes though nothing is wrong with it: come again. */
export const detachForced: Refusal = {
  condition: "amqp:link:detach-forced",
  description: "The link is force detached by the broker because it moved to another container.",
};
