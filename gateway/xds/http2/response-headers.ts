import { type GrpcStatus, grpcStatus } from "../call.ts";

/** Header blocks of what we answer: literals that no table keeps, so that they are the same bytes on every connection. */

const statusFields: ReadonlyMap<number, Buffer> = new Map([
  [200, Buffer.from([0x88])],
  [405, literal(8, "405")],
  [415, literal(8, "415")],
]);
const contentTypeIndex = 31;

/** The beginning of a gRPC answer. */
export const grpcHead: Buffer = head(200, "application/grpc");

/** The beginning of an answer to who does not speak gRPC. */
export function plainHead(status: 405 | 415): Buffer {
  return head(status, "text/plain");
}

/** What ends a gRPC answer. */
export function grpcTrailers(status: GrpcStatus, message: string | undefined): Buffer {
  const code = named("grpc-status", String(grpcStatus[status]));
  return message === undefined ? code : Buffer.concat([code, named("grpc-message", percentEncoded(message))]);
}

function head(status: number, contentType: string): Buffer {
  return Buffer.concat([statusFields.get(status) ?? Buffer.alloc(0), literal(contentTypeIndex, contentType)]);
}

/** A field whose name is in the static table, without indexing (RFC 7541 §6.2.2). */
function literal(index: number, value: string): Buffer {
  return Buffer.concat([integer(0x00, 4, index), text(value)]);
}

function named(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x00]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(0x00, 7, bytes.length), bytes]);
}

/** RFC 7541 §5.1 */
function integer(pattern: number, prefixBits: number, value: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.from([pattern | value]);
  const bytes = [pattern | most];
  let rest = value - most;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** Longer ones are cut: they are for a log. */
const longestMessage = 1024;

/** gRPC's Percent-Encoded: visible ASCII as it is, all else by byte. */
function percentEncoded(message: string): string {
  let encoded = "";
  for (const byte of Buffer.from(message.slice(0, longestMessage), "utf8")) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
