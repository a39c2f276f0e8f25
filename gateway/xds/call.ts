/** The statuses of gRPC that the gateway ends streams with, and their numbers. */
export const grpcStatus = {
  OK: 0,
  INVALID_ARGUMENT: 3,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcStatus = keyof typeof grpcStatus;

/** One discovery stream as all above the transport sees it: messages in, messages out, an end. */
export interface XdsCall {
  /** The peer's IP. */
  readonly address: string;
  /** False once it has ended or the peer is gone. */
  readonly open: boolean;
  /** The first header of this lower-case name. */
  header(name: string): string | undefined;
  /** Something that was sent waits for the peer's windows or socket: better send nothing more until `drained`. */
  readonly behind: boolean;
  /** Who hears of messages and of the end. Until then messages wait. */
  listen(listener: CallListener): void;
  /** The bytes must not change afterwards: the same Buffer object on many calls is framed once. */
  send(message: Buffer): void;
  /** Ends the stream after what was sent; the listener hears nothing more. Ending twice does nothing. */
  end(status: GrpcStatus, message?: string): void;
}

export interface CallListener {
  /** The bytes are the listener's during the call only: what is kept must be copied. */
  message(bytes: Buffer): void;
  /** What was behind has been taken. */
  drained(): void;
  /** The proxy has sent its last message. */
  finished(): void;
  /** The stream is gone: broken, reset or dropped. Nothing comes after this. */
  gone(reason: string): void;
}
