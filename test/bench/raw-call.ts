import { connect } from "node:http2";

/**
 * A gRPC call over Node's HTTP/2, on a connection of its own as Envoy's is. It takes a fraction of the CPU that a gRPC library does, so that many fit
 * beside what is measured.
 */
export interface RawCall {
  readonly write: (message: Uint8Array) => void;
  /** Resolves when the connection is gone. */
  readonly close: () => Promise<void>;
  /** Why the call ended. */
  readonly ended: Promise<string>;
}

export interface RawCallOptions {
  /** `http://address:port` or `https://…`. */
  readonly url: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly token: string | undefined;
  /** Whom to trust, PEM, and by which name; undefined: whoever answers. */
  readonly server?: { readonly roots: string; readonly name: string };
  readonly onMessage: (message: Buffer) => void;
}

/** What Envoy has given for long. Bytes. */
const window = 256 * 2 ** 20;

export function openRawCall({ url, path, token, server, onMessage }: RawCallOptions): RawCall {
  const session = connect(url, {
    settings: { initialWindowSize: window },
    ...(server === undefined ? { rejectUnauthorized: false } : { ca: server.roots, servername: server.name }),
  });
  session.once("connect", () => session.setLocalWindowSize(window));
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  });
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  stream.once("trailers", (trailers) => resolve(`gRPC status ${trailers["grpc-status"]}: ${trailers["grpc-message"]}`));
  stream.once("error", (error) => resolve(error.message));
  session.once("error", (error) => resolve(error.message));
  stream.once("close", () => resolve("closed"));
  let rest: Buffer = Buffer.alloc(0);
  stream.on("data", (bytes: Buffer) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    for (let end = endOf(rest); end !== undefined; end = endOf(rest)) {
      onMessage(rest.subarray(5, end));
      rest = rest.subarray(end);
    }
  });
  return {
    write: (message) => void stream.write(framed(message)),
    close: () =>
      new Promise((closed) => {
        session.once("close", closed);
        session.destroy();
      }),
    ended,
  };
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Of the first message, if it is complete. */
function endOf(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined;
  const end = 5 + bytes.readUInt32BE(1);
  return bytes.length < end ? undefined : end;
}
