import type { ReadView } from "./container-data.ts";
import { badRequest, conflict, notFound, preconditionFailed } from "./cosmos-error.ts";
import type { Draft } from "./draft.ts";
import { type ItemKey, parseItemId, type StoredItem } from "./item.ts";
import type { JsonObject } from "./json.ts";
import { encodePartitionKey, type PartitionKey, type PropertyPath, partitionKeyOf } from "./partition-key.ts";
import { applyPatch, type PatchOperation } from "./patch.ts";
import { deleteCharge, insertCharge, readCharge, refusedCharge, replaceCharge } from "./request-units.ts";

/** What is done to one item, alone or in a batch. Etags carry their quotes. */
export type Operation = { readonly partitionKey: PartitionKey } & (
  | { readonly kind: "create"; readonly document: JsonObject }
  | { readonly kind: "upsert"; readonly document: JsonObject; readonly ifMatch: string | undefined }
  | {
      readonly kind: "replace";
      readonly id: string;
      readonly document: JsonObject;
      readonly ifMatch: string | undefined;
    }
  | { readonly kind: "read"; readonly id: string; readonly ifNoneMatch: string | undefined }
  | { readonly kind: "delete"; readonly id: string; readonly ifMatch: string | undefined }
  | {
      readonly kind: "patch";
      readonly id: string;
      readonly operations: readonly PatchOperation[];
      /** Whether the patch applies to the document as it is. */
      readonly condition: (document: JsonObject) => boolean;
      readonly ifMatch: string | undefined;
    }
);

export interface Outcome {
  readonly status: 200 | 201 | 204 | 304;
  /** The version read or written; for a delete the one that is gone. */
  readonly item: StoredItem;
  /** Request units. */
  readonly charge: number;
}

/** Does one operation in a draft. @throws CosmosError, and then the draft must not be used any more */
export function execute(draft: Draft, operation: Operation, paths: readonly PropertyPath[]): Outcome {
  const partition = encodePartitionKey(operation.partitionKey);
  switch (operation.kind) {
    case "create": {
      const key = writtenKey(operation.document, partition, paths);
      if (draft.get(key) !== undefined) throw conflict();
      return written(201, draft.put(operation.document, undefined));
    }
    case "upsert": {
      const previous = draft.get(writtenKey(operation.document, partition, paths));
      if (previous === undefined) return written(201, draft.put(operation.document, undefined));
      checkMatch(previous, operation.ifMatch);
      return written(200, draft.put(operation.document, previous));
    }
    case "replace": {
      const previous = existing(draft, { partition, id: operation.id });
      checkMatch(previous, operation.ifMatch);
      const key = writtenKey(operation.document, partition, paths);
      if (key.id !== operation.id) throw badRequest("The id of the document does not match the id of the resource.");
      return written(200, draft.put(operation.document, previous));
    }
    case "read": {
      return found(draft.get({ partition, id: operation.id }), operation.ifNoneMatch);
    }
    case "delete": {
      const item = existing(draft, { partition, id: operation.id });
      checkMatch(item, operation.ifMatch);
      draft.delete(item);
      return { status: 204, item, charge: deleteCharge(item.size) };
    }
    case "patch": {
      const previous = existing(draft, { partition, id: operation.id });
      checkMatch(previous, operation.ifMatch);
      if (!operation.condition(previous.document)) throw preconditionFailed();
      const document = applyPatch(previous.document, operation.operations);
      writtenKey(document, partition, paths);
      return written(200, draft.put(document, previous));
    }
  }
}

/** Reads one item as a view shows it. @throws CosmosError 404 */
export function readItem(view: ReadView, operation: Extract<Operation, { kind: "read" }>, now: number): Outcome {
  const partition = encodePartitionKey(operation.partitionKey);
  return found(view.get({ partition, id: operation.id }, now), operation.ifNoneMatch);
}

function found(item: StoredItem | undefined, ifNoneMatch: string | undefined): Outcome {
  if (item === undefined) throw notFound();
  const unchanged = ifNoneMatch === item.etag || ifNoneMatch === "*";
  return { status: unchanged ? 304 : 200, item, charge: unchanged ? refusedCharge : readCharge(item.size) };
}

function existing(draft: Draft, key: ItemKey): StoredItem {
  const item = draft.get(key);
  if (item === undefined) throw notFound();
  return item;
}

function checkMatch(item: StoredItem, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && ifMatch !== "*" && ifMatch !== item.etag) throw preconditionFailed();
}

/** The key of a document that is to be written under a partition key (400 when it belongs under another). */
function writtenKey(document: JsonObject, partition: string, paths: readonly PropertyPath[]): ItemKey {
  const id = parseItemId(document);
  if (encodePartitionKey(partitionKeyOf(document, paths)) !== partition) {
    throw badRequest("PartitionKey extracted from document doesn't match the one specified in the header", 1001);
  }
  return { partition, id };
}

function written(status: 200 | 201, item: StoredItem): Outcome {
  return { status, item, charge: status === 201 ? insertCharge(item.size) : replaceCharge(item.size) };
}
