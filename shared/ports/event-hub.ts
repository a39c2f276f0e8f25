/** One way into a hub. */
export interface HubSender extends AsyncDisposable {
  /** One batch, in order, to the partition of `key`. Faults are MeshError `unavailable`, `throttled`, `too-large`. */
  send(key: string, messages: readonly object[]): Promise<void>;
}

/** One way out of a hub for a reader that keeps no position: what comes from now on, on all partitions. */
export type HubTail = AsyncDisposable;

export interface HubTailHandlers {
  readonly message: (message: unknown) => void;
  readonly fault: (error: Error) => void;
}

export type OpenHubTail = (handlers: HubTailHandlers) => HubTail;
