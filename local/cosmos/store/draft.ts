import type { ContainerData, Transaction } from "./container-data.ts";
import { partitionFull, uniqueKeyConflict } from "./cosmos-error.ts";
import { checkTtl, type ItemKey, type StoredItem, toStoredItem } from "./item.ts";
import { type JsonObject, textAt } from "./json.ts";
import { valueAt } from "./partition-key.ts";
import { databaseOf, itemRid } from "./resource-id.ts";

/** What the core takes from outside when it writes. */
export interface WriteContext {
  /** ms since 1970. */
  readonly now: number;
  /** A new etag, with its quotes. */
  readonly nextEtag: () => string;
  /** Most bytes of one partition key. */
  readonly maxPartitionBytes?: number;
}

/** A transaction in the making: later operations see what earlier ones wrote; nothing else does. */
export interface Draft {
  readonly now: number;
  get(key: ItemKey): StoredItem | undefined;
  /** Writes a document as a new item, or as the next version of `previous`; sets its system properties. */
  put(document: JsonObject, previous: StoredItem | undefined): StoredItem;
  delete(key: ItemKey): void;
  /** What was written; undefined when nothing was. */
  transaction(): Transaction | undefined;
}

export function createDraft(data: ContainerData, context: WriteContext): Draft {
  const written = new Map<string, StoredItem>();
  const deleted = new Map<string, ItemKey>();
  const lsn = data.lsn + 1;
  let nextSerial = data.nextSerial;
  /** Bytes that a partition key has gained. */
  const growth = new Map<string, number>();

  const grow = (partition: string, bytes: number): void => {
    const total = (growth.get(partition) ?? 0) + bytes;
    if (bytes > 0 && data.partitionBytes(partition) + total > (context.maxPartitionBytes ?? Number.POSITIVE_INFINITY)) {
      throw partitionFull();
    }
    growth.set(partition, total);
  };
  const get = (key: ItemKey): StoredItem | undefined => {
    const name = nameOf(key);
    return written.get(name) ?? (deleted.has(name) ? undefined : data.get(key, context.now));
  };
  const checkUniqueKeys = (item: StoredItem): void => {
    if (data.settings.uniqueKeys.length === 0) return;
    const stored = data
      .items({ kind: "key", key: item.partitionKey }, context.now)
      .filter((other) => get(other) === other);
    const others = [...stored, ...written.values()].filter(
      (other) => other.id !== item.id && other.partition === item.partition,
    );
    for (const paths of data.settings.uniqueKeys) {
      const valuesOf = (of: StoredItem): string =>
        JSON.stringify(paths.map((path) => valueAt(of.document, path) ?? null));
      const values = valuesOf(item);
      if (others.some((other) => valuesOf(other) === values)) throw uniqueKeyConflict();
    }
  };

  return {
    now: context.now,
    get,
    put(document, previous) {
      checkTtl(document["ttl"]);
      const rid = previous === undefined ? itemRid(data.settings.rid, nextSerial) : textAt(previous.document, "_rid");
      const complete: JsonObject = {
        ...document,
        _rid: rid,
        _self: selfLink(data.settings.rid, rid),
        _etag: context.nextEtag(),
        _attachments: "attachments/",
        _ts: Math.floor(context.now / 1000),
      };
      const item = toStoredItem(complete, lsn, data.settings.partitionKeyPaths);
      checkUniqueKeys(item);
      grow(item.partition, item.size - (previous?.size ?? 0));
      if (previous === undefined) nextSerial += 1;
      written.set(nameOf(item), item);
      return item;
    },
    delete(key) {
      const name = nameOf(key);
      grow(key.partition, -(get(key)?.size ?? 0));
      written.delete(name);
      deleted.set(name, { partition: key.partition, id: key.id });
    },
    transaction() {
      const deletes = [...deleted].filter(([name]) => !written.has(name)).map(([, key]) => key);
      return written.size + deletes.length === 0 ? undefined : { lsn, puts: [...written.values()], deletes };
    },
  };
}

function nameOf(key: ItemKey): string {
  return `${key.partition}\n${key.id}`;
}

function selfLink(container: string, rid: string): string {
  return `dbs/${databaseOf(container)}/colls/${container}/docs/${rid}/`;
}
