import { hashOf } from "./random.ts";

/** What happened in a history, in order: always as one number, and as lines where somebody reads them. */
export interface Trace {
  /** `time` in virtual milliseconds. */
  readonly note: (time: number, line: string) => void;
  /** Equal for equal histories. */
  readonly digest: () => string;
  readonly lines: readonly string[];
}

export function createTrace(keepLines: boolean): Trace {
  const lines: string[] = [];
  let digest = hashOf("");
  let count = 0;
  return {
    note(time, line) {
      const text = `${(time / 1000).toFixed(3).padStart(8)} ${line}`;
      digest = hashOf(text, digest);
      count++;
      if (keepLines) lines.push(text);
    },
    digest: () => `${count}-${(digest >>> 0).toString(16)}`,
    lines,
  };
}
