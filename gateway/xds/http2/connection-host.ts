import type { Http2Limits } from "./limits.ts";
import type { MessageFrames } from "./message-frames.ts";
import type { ErrorName } from "./protocol.ts";
import type { RequestHead } from "./request-head.ts";
import type { Http2Stream } from "./stream.ts";
import type { WriteBatch } from "./write-batch.ts";

/** Why a connection was dropped: what its peer did (an error of HTTP/2), or did not: take what was sent, answer a ping. */
export type DropReason = ErrorName | "behind" | "silent";

export interface Drop {
  readonly reason: DropReason;
  readonly details: string;
  /** The peer's IP. */
  readonly address: string;
}

export interface Http2Request {
  readonly stream: Http2Stream;
  readonly head: RequestHead;
  /** The peer's IP. */
  readonly address: string;
}

/** What all connections of a server share. */
export interface ConnectionHost {
  readonly limits: Http2Limits;
  /** What every connection begins with. */
  readonly greeting: Buffer;
  readonly batch: WriteBatch;
  /** What is longer is written in pieces of so many bytes, one after the other. */
  readonly pieceBytes: number;
  readonly messageFrames: MessageFrames;
  /** Milliseconds, as of the last sweep. */
  readonly now: number;
  /** A request's headers are complete and right: somebody must become the stream's handler. */
  request(request: Http2Request): void;
  dropped(drop: Drop): void;
  /** Our own fault, which ended one connection. */
  fault(error: unknown): void;
}
