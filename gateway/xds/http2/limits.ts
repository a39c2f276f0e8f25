/** What one peer may cost. Times in milliseconds. */
export interface Http2Limits {
  /** Open at a time on one connection; a proxy needs one. */
  readonly streams: number;
  /** Of one header block, as it comes and as it counts when decoded. */
  readonly headerBytes: number;
  /** Of one gRPC message from a peer. */
  readonly messageBytes: number;
  /** That a peer may send on one stream, and on all, before somebody has taken it. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** That wait for one peer's windows or socket. */
  readonly queuedBytes: number;
  /** How long something may wait for a peer's windows or socket until the connection is dropped. */
  readonly behind: number;
  /** From the connection to the peer's settings and its acknowledgement of ours. Long, as that of a handshake: when a whole fleet comes at once, it waits for us. */
  readonly settings: number;
  /** A TLS handshake. */
  readonly handshake: number;
  /** Silence after which a peer is asked whether it is there, and how long it has for the answer. */
  readonly keepalive: number;
  readonly keepaliveAnswer: number;
  /** A connection without a stream: a proxy without one is none. */
  readonly idle: number;
  /**
   * Frames that do nothing for a stream (settings, pings, resets, empty data, what is unknown), and messages that answer none of ours: so many at once, and so
   * many a second in the long run.
   */
  readonly nuisances: number;
  readonly nuisancesPerSecond: number;
  /** Open connections, handshakes included. */
  readonly connections: number;
}

export const defaultHttp2Limits: Http2Limits = {
  streams: 32,
  headerBytes: 32 * 1024,
  messageBytes: 8 * 1024 * 1024,
  streamWindow: 256 * 1024,
  connectionWindow: 1024 * 1024,
  queuedBytes: 32 * 1024 * 1024,
  behind: 60_000,
  settings: 30_000,
  handshake: 30_000,
  keepalive: 30_000,
  keepaliveAnswer: 10_000,
  idle: 300_000,
  nuisances: 1_000,
  nuisancesPerSecond: 50,
  connections: 30_000,
};
