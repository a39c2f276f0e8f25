import type { Readable } from "node:stream";

/** A line that is longer is no object of Kubernetes (etcd takes 1.5 MB). Bytes. */
const longestLine = 16 * 1024 * 1024;
const newline = 0x0a;

/**
 * Hands over each line in the turn of the event loop in which its last byte arrived. Ends with the stream; rejects with what broke it, or what `line`
 * threw. What has no newline at the end is no line: its rest was lost.
 */
export function readLines(stream: Readable, line: (text: string) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  /** Of the line in the making. */
  let parts: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer): void => {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      const rest = chunk.subarray(from, end);
      const text = parts.length === 0 ? rest.toString("utf8") : Buffer.concat([...parts, rest]).toString("utf8");
      parts = [];
      size = 0;
      from = end + 1;
      if (text !== "") line(text);
    }
    if (from === chunk.length) return;
    parts.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > longestLine) throw new Error(`a line is longer than ${longestLine} bytes`);
  };
  stream.on("data", (chunk: Buffer) => {
    try {
      take(chunk);
    } catch (error) {
      stream.destroy();
      reject(error as Error);
    }
  });
  stream.once("end", resolve);
  stream.once("error", reject);
  stream.once("close", () => reject(new Error("the connection closed")));
  return promise;
}
