import type { BatchOperation, NewDocument } from "../ports/document-store.ts";
import { MeshError } from "./mesh-error.ts";

/** Cosmos DB's limit of one document and of one batch (azure.md §6.4), bytes. */
const largestRequest = 2 * 1024 * 1024;
const mostOperations = 100;
const longestId = 1023;
const longestPartition = 2048;

/** Refuses a document that no store takes under its name, partition or time to live. @throws MeshError `unexpected` */
export function checkDocument({ id, partition, ttl }: NewDocument): void {
  if (id === "" || id.length > longestId || /[/\\?#]/.test(id)) throw misfit(`'${id}' is no id of a document`);
  if (Buffer.byteLength(partition) > longestPartition) throw misfit(`the partition of ${id} is too long`);
  if (ttl !== undefined && !(Number.isInteger(ttl) && ttl > 0)) throw misfit(`${id} cannot live for ${ttl} seconds`);
}

/** Refuses a batch that is none: of several partitions (`unexpected`), of more than 100 operations (`too-large`). @throws MeshError */
export function checkBatch(operations: readonly BatchOperation[]): void {
  const [first] = operations;
  for (const { document } of operations) {
    checkDocument(document);
    if (document.partition !== first?.document.partition) throw misfit("a batch is of one partition");
  }
  if (operations.length > mostOperations)
    throw new MeshError("too-large", `a batch of ${operations.length} operations is too large`);
}

/** Refuses a request whose documents, as text, are too large together. @throws MeshError `too-large` */
export function checkSize(texts: readonly string[]): void {
  const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (size > largestRequest) throw new MeshError("too-large", `${size} bytes are too many for one request`);
}

function misfit(message: string): MeshError {
  return new MeshError("unexpected", message);
}
