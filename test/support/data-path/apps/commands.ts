/** What the driver inside a pod can be asked to do, and what it answers: JSON over HTTP on a port that interception leaves alone. */

/** POST /http: requests, `count` of them, `concurrency` at a time. */
export interface HttpCommand {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly count?: number;
  readonly concurrency?: number;
  /** One connection a worker, used again; otherwise one a request. */
  readonly keepAlive?: boolean;
  readonly timeoutMs?: number;
}

export interface HttpResult {
  /** 0: no answer, `error` says why. */
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly error?: string;
}

/** POST /tcp: connections, `count` of them, `concurrency` at a time. */
export interface TcpCommand {
  readonly host: string;
  readonly port: number;
  /** Said after connecting; nothing: the server speaks first. */
  readonly send?: string;
  /** The connection is closed by us when this many bytes have come; 1 unless told otherwise. */
  readonly expectBytes?: number;
  readonly count?: number;
  readonly concurrency?: number;
  readonly timeoutMs?: number;
}

export interface TcpResult {
  readonly received: string;
  /** From the call of connect to the first byte. Milliseconds. */
  readonly firstByteMs?: number;
  /** `answered`: the expected bytes came. `closed`: the other side ended first. Or an error's code, or `timeout`. */
  readonly end: string;
}

/** POST /hold/open: one connection that is kept; answered as soon as the server has said something, or with what went wrong. */
export type HoldCommand = TcpCommand & { readonly name: string };

/** POST /hold/watch: answered when the other side has ended the connection, or after `timeoutMs`. */
export interface HoldWatchCommand {
  readonly name: string;
  readonly timeoutMs: number;
}

export interface HoldResult {
  readonly open: boolean;
}

/** POST /grpc: calls of `/test.Echo/Say` (unary) or `/test.Echo/Chat` (both ways, three messages). */
export interface GrpcCommand {
  /** host:port */
  readonly target: string;
  readonly method: "Say" | "Chat";
  readonly message: string;
  readonly timeoutMs?: number;
}

export interface GrpcResult {
  /** gRPC status code. */
  readonly code: number;
  readonly details: string;
  readonly messages: readonly string[];
}

/** POST /websocket: one connection, the messages one after the other. */
export interface WebSocketCommand {
  readonly url: string;
  readonly messages: readonly string[];
  readonly timeoutMs?: number;
}

export interface WebSocketResult {
  readonly received: readonly string[];
  readonly error?: string;
}

/** POST /load/start: the same request or connection again and again until /load/stop. */
export interface LoadCommand {
  readonly name: string;
  readonly request: ({ readonly kind: "http" } & HttpCommand) | ({ readonly kind: "tcp" } & TcpCommand);
  /** Pause of a worker between two. Milliseconds. */
  readonly pauseMs: number;
  readonly workers: number;
}

/** Answer of /load/look and /load/stop. */
export interface LoadTally {
  readonly total: number;
  /** How many were answered by whom: the `name` that servers give. */
  readonly byServer: Readonly<Record<string, number>>;
  /** Everything but an answer of a server, the first ones only. */
  readonly failures: readonly string[];
  readonly failed: number;
}

/** What the HTTP server of a test pod answers with status 200. */
export interface ServerAnswer {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}
