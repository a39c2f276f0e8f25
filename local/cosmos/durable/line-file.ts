import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";

/** A file of JSON lines that is only ever appended to. */
export interface LineFile {
  /** Bytes so far. */
  readonly size: number;
  /** Returns when the line is in the operating system's hands: it survives the end of this process, not of the machine. */
  append(line: string): void;
  close(): void;
}

/** Opens a file for appending; makes it when it is not there. */
export function openLineFile(path: string): LineFile {
  const descriptor = openSync(path, "a", 0o600);
  let size = fstatSync(descriptor).size;
  let open = true;
  return {
    get size() {
      return size;
    },
    append(line) {
      const bytes = Buffer.from(`${line}\n`);
      try {
        let written = 0;
        while (written < bytes.length) written += writeSync(descriptor, bytes, written);
      } catch (error) {
        // Half a line (a full disk) would make the next one unreadable.
        ftruncateSync(descriptor, size);
        throw error;
      }
      size += bytes.length;
    },
    close() {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

/**
 * The lines of a file, parsed. A last line without its end was cut by a crash before it was acknowledged: it is removed
 * from the file.
 *
 * @throws Error naming file and line when a complete line cannot be read
 */
export function* readLines(path: string): Generator {
  const bytes = readFileSync(path);
  let start = 0;
  let number = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    number += 1;
    yield parseLine(bytes.toString("utf8", start, end), `${path}:${number}`);
    start = end + 1;
  }
  if (start < bytes.length) truncateSync(path, start);
}

function parseLine(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${place} cannot be read; the data folder is damaged`, { cause: error });
  }
}
