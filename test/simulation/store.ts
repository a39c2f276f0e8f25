import { createMemoryDocumentStore } from "../../shared/adapters/memory/document-store.ts";
import type { BatchOperation, Container, DocumentStore } from "../../shared/ports/document-store.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";
import type { Wire } from "./wire.ts";

/** A write that was taken. */
export interface StoreWrite {
  readonly container: Container;
  readonly operations: readonly BatchOperation[];
}

/** The document store of a history: whole in itself, reached by each process over the wire. */
export interface SimulatedStore {
  /** Without the wire: for the history itself. */
  readonly direct: DocumentStore;
  /** As one process sees it. */
  readonly for: (actor: Actor) => DocumentStore;
  /** Everything written after this virtual time is gone, as after a restore of the account. Etags are new. */
  readonly restore: (time: number) => Promise<void>;
  /** When that was last, in virtual milliseconds; 0 = never. */
  readonly restoredAt: () => number;
}

export function createSimulatedStore(parts: {
  readonly time: VirtualTime;
  readonly wire: Wire;
  /** Told of each write, in the moment it is taken. */
  readonly onWrite: (write: StoreWrite) => void;
}): SimulatedStore {
  const { time, wire, onWrite } = parts;
  let inner = createMemoryDocumentStore();
  let restores = 0;
  let restoredAt = 0;
  const journal: { readonly at: number; readonly write: StoreWrite }[] = [];
  const direct: DocumentStore = {
    async get<Body>(container: Container, partition: string, id: string) {
      const stored = await inner.get<Body>(container, partition, id);
      return stored && { ...stored, etag: `${restores}/${stored.etag}` };
    },
    put: (container, document) => write(container, [{ kind: "put", document }]),
    batch: (container, operations) => write(container, operations),
    list: (container, partition, options) => inner.list(container, partition, options),
    partitionsWith: (container, id) => inner.partitionsWith(container, id),
  };
  const write = async (container: Container, operations: readonly BatchOperation[]): Promise<void> => {
    const [only] = operations;
    if (operations.length === 1 && only?.kind === "put") await inner.put(container, only.document);
    else await inner.batch(container, operations.map(withInnerEtag));
    const taken = { container, operations };
    journal.push({ at: time.now(), write: taken });
    onWrite(taken);
  };
  const withInnerEtag = (operation: BatchOperation): BatchOperation =>
    operation.kind === "replace" ? { ...operation, etag: innerEtag(operation.etag) } : operation;
  /** One of before a restore fits nothing. */
  const innerEtag = (etag: string): string => {
    const prefix = `${restores}/`;
    return etag.startsWith(prefix) ? etag.slice(prefix.length) : "of another time";
  };
  const overWire = (actor: Actor): DocumentStore => {
    const call = <T>(what: string, effect: () => Promise<T>): Promise<T> =>
      wire.call(actor, { target: "store", what, effect });
    return {
      get: <Body>(container: Container, partition: string, id: string) =>
        call(`get ${container}/${id}`, () => direct.get<Body>(container, partition, id)),
      put: (container, document) => call(`put ${container}/${document.id}`, () => direct.put(container, document)),
      batch: (container, operations) => {
        const ids = operations.map(({ document }) => document.id).join(" ");
        return call(`batch ${container}/${ids}`, () => direct.batch(container, operations));
      },
      list: (container, partition, options) =>
        call(`list ${container}`, () => direct.list(container, partition, options)),
      partitionsWith: (container, id) => call(`find ${container}/${id}`, () => direct.partitionsWith(container, id)),
    };
  };
  return {
    direct,
    for: overWire,
    restoredAt: () => restoredAt,
    async restore(to) {
      restoredAt = time.now();
      const kept = journal.filter(({ at }) => at <= to);
      journal.length = 0;
      journal.push(...kept);
      inner = createMemoryDocumentStore();
      restores++;
      for (const { write: taken } of kept)
        for (const { document } of taken.operations) await inner.put(taken.container, document);
    },
  };
}
