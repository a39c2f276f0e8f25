import type { Http2Limits } from "./limits.ts";

/** What is due on a connection: it is dropped for one of the first three. */
export type Due = "settings" | "behind" | "silent" | "ping" | "idle";

/** What a connection is doing at a sweep. */
export interface Doing {
  /** The peer has sent its settings and acknowledged ours. */
  readonly ready: boolean;
  /** Something waits for the peer's windows or socket. */
  readonly behind: boolean;
  /** No stream is open. */
  readonly empty: boolean;
}

/** How long a connection has been as it is, looked at by a sweep that all connections share: none has a timer. */
export class Patience {
  readonly #openedAt: number;
  #heard = false;
  #heardAt: number;
  #pingedAt: number | undefined;
  #behindSince: number | undefined;
  #emptySince: number | undefined;

  constructor(now: number) {
    this.#openedAt = now;
    this.#heardAt = now;
  }

  /** The peer has sent something: it is there. */
  heard(): void {
    this.#heard = true;
  }

  sweep(now: number, limits: Http2Limits, doing: Doing): Due | undefined {
    this.#behindSince = doing.behind ? (this.#behindSince ?? now) : undefined;
    this.#emptySince = doing.empty ? (this.#emptySince ?? now) : undefined;
    if (!doing.ready && now - this.#openedAt > limits.settings) return "settings";
    if (this.#behindSince !== undefined && now - this.#behindSince > limits.behind) return "behind";
    if (this.#emptySince !== undefined && now - this.#emptySince > limits.idle) return "idle";
    return this.#silence(now, limits);
  }

  #silence(now: number, limits: Http2Limits): Due | undefined {
    if (this.#heard) {
      this.#heard = false;
      this.#heardAt = now;
      this.#pingedAt = undefined;
      return undefined;
    }
    if (this.#pingedAt !== undefined) return now - this.#pingedAt > limits.keepaliveAnswer ? "silent" : undefined;
    if (now - this.#heardAt < limits.keepalive) return undefined;
    this.#pingedAt = now;
    return "ping";
  }
}
