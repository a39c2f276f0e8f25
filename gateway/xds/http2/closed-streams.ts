import type { ErrorName } from "./protocol.ts";

/** What is known of streams that have ended: of the last few, whether we ended them while the peer still sent. */
export class ClosedStreams {
  readonly #recent: { readonly id: number; readonly byUs: boolean }[] = [];

  add(id: number, byUs: boolean): void {
    this.#recent.push({ id, byUs });
    if (this.#recent.length > 8) this.#recent.shift();
  }

  /** What a frame on it is: nothing when it may have been sent before our end was known there, else an error. */
  verdict(id: number): "late" | ErrorName {
    const found = this.#recent.find((stream) => stream.id === id);
    if (found === undefined) return "protocol";
    return found.byUs ? "late" : "streamClosed";
  }
}
