import { hash, randomUUID } from "node:crypto";

/** Etags that differ from each other, and from those of every run that has another text. */
export function createEtagSource(run: string = randomUUID()): () => string {
  const text = hash("sha1", run).slice(0, 16);
  let number = 0;
  return () => {
    number += 1;
    return `"${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12)}-0000-${number.toString(16).padStart(12, "0")}"`;
  };
}
