import { type ContainerData, createContainerData, type Transaction } from "./container-data.ts";
import { containerSettings, parseContainerDefinition, replaceContainerDefinition } from "./container-resource.ts";
import { badRequest, conflict, notFound } from "./cosmos-error.ts";
import type { WriteContext } from "./draft.ts";
import { createHistory, type History, type HistoryLimits } from "./history.ts";
import { isJsonObject, type Json, type JsonObject, textAt } from "./json.ts";
import { containerRid, databaseRid } from "./resource-id.ts";

/** Databases and containers without their data: what has to be kept to find the data again. */
export interface AccountRecord {
  readonly nextNumber: number;
  readonly databases: readonly { readonly resource: JsonObject; readonly containers: readonly JsonObject[] }[];
}

/** Where the writes of one container are kept. */
export interface Journal {
  /** Returns when the transaction will survive the end of the process. */
  append(transaction: Transaction): void;
  /** Closes and forgets everything. */
  remove(): void;
}

/** Where an account is kept; see `durable/` and `memoryStorage`. */
export interface Storage {
  load(): AccountRecord | undefined;
  save(record: AccountRecord): void;
  /** Brings the data of a container up to date and returns where its next writes go. */
  open(data: ContainerData): Journal;
}

export interface Container {
  readonly resource: JsonObject;
  readonly data: ContainerData;
  readonly history: History;
  /** Makes a transaction durable, then visible. @param now ms since 1970 */
  commit(transaction: Transaction | undefined, now: number): void;
}

export interface Database {
  readonly resource: JsonObject;
  readonly containers: ReadonlyMap<string, Container>;
}

/** The databases and containers of the server. Methods throw `CosmosError` (404, 409, 400). */
export interface Account {
  readonly databases: ReadonlyMap<string, Database>;
  database(id: string): Database;
  container(database: string, id: string): Container;
  createDatabase(body: Json, context: WriteContext): Database;
  deleteDatabase(id: string): void;
  createContainer(database: string, body: Json, context: WriteContext): Container;
  /** Changes expiry and indexing. */
  replaceContainer(
    path: { readonly database: string; readonly id: string },
    body: Json,
    context: WriteContext,
  ): Container;
  deleteContainer(database: string, id: string): void;
}

/** Keeps nothing. */
export const memoryStorage: Storage = {
  load: () => undefined,
  save: () => {},
  open: () => ({ append: () => {}, remove: () => {} }),
};

interface OpenContainer extends Container {
  resource: JsonObject;
  readonly journal: Journal;
}

interface OpenDatabase extends Database {
  readonly containers: Map<string, OpenContainer>;
}

export function createAccount(storage: Storage, limits: HistoryLimits): Account {
  const databases = new Map<string, OpenDatabase>();
  const saved = storage.load();
  let nextNumber = saved?.nextNumber ?? 1;
  for (const { resource, containers } of saved?.databases ?? []) {
    const opened = containers.map(
      (container) => [textAt(container, "id"), openContainer({ storage, limits }, container)] as const,
    );
    databases.set(textAt(resource, "id"), { resource, containers: new Map(opened) });
  }

  const save = (): void => {
    const list = [...databases.values()].map(({ resource, containers }) => {
      return { resource, containers: [...containers.values()].map((container) => container.resource) };
    });
    storage.save({ nextNumber, databases: list });
  };
  const takeNumber = (): number => {
    nextNumber += 1;
    return nextNumber - 1;
  };
  const database = (id: string): OpenDatabase => databases.get(id) ?? fail();
  const containerOf = (databaseId: string, id: string): OpenContainer =>
    database(databaseId).containers.get(id) ?? fail();

  return {
    databases,
    database,
    container: containerOf,
    createDatabase(body, context) {
      const id = resourceId(body);
      if (databases.has(id)) throw conflict();
      const rid = databaseRid(takeNumber());
      const resource = { id, _rid: rid, _self: `dbs/${rid}/`, _colls: "colls/", _users: "users/", ...stamps(context) };
      const created = { resource, containers: new Map<string, OpenContainer>() };
      databases.set(id, created);
      save();
      return created;
    },
    deleteDatabase(id) {
      const { containers } = database(id);
      databases.delete(id);
      save();
      for (const container of containers.values()) container.journal.remove();
    },
    createContainer(databaseId, body, context) {
      const { resource: parent, containers } = database(databaseId);
      const id = resourceId(body);
      if (containers.has(id)) throw conflict();
      const definition = parseContainerDefinition(isJsonObject(body) ? body : {});
      const parentRid = textAt(parent, "_rid");
      const rid = containerRid(parentRid, takeNumber());
      const resource = { ...definition, ...containerLinks(rid, parentRid), ...stamps(context) };
      const created = openContainer({ storage, limits }, resource);
      containers.set(id, created);
      save();
      return created;
    },
    replaceContainer({ database: databaseId, id }, body, context) {
      const container = containerOf(databaseId, id);
      const definition = replaceContainerDefinition(container.resource, isJsonObject(body) ? body : {});
      container.resource = { ...definition, ...stamps(context) };
      container.data.setDefaultTtl(containerSettings(container.resource).defaultTtl);
      save();
      return container;
    },
    deleteContainer(databaseId, id) {
      const { journal } = containerOf(databaseId, id);
      database(databaseId).containers.delete(id);
      save();
      journal.remove();
    },
  };
}

function openContainer(
  { storage, limits }: { readonly storage: Storage; readonly limits: HistoryLimits },
  resource: JsonObject,
): OpenContainer {
  const data = createContainerData(containerSettings(resource));
  const journal = storage.open(data);
  const history = createHistory(data, limits);
  return {
    resource,
    data,
    history,
    journal,
    commit(transaction, now) {
      if (transaction === undefined) return;
      journal.append(transaction);
      history.record(transaction, now);
      data.apply(transaction);
    },
  };
}

function containerLinks(rid: string, parentRid: string): JsonObject {
  return {
    _rid: rid,
    _self: `dbs/${parentRid}/colls/${rid}/`,
    _docs: "docs/",
    _sprocs: "sprocs/",
    _triggers: "triggers/",
    _udfs: "udfs/",
    _conflicts: "conflicts/",
  };
}

function resourceId(body: Json): string {
  const id = isJsonObject(body) ? body["id"] : undefined;
  if (typeof id !== "string" || id === "" || id.length > 255 || /[/\\?#]/.test(id) || id.endsWith(" ")) {
    throw badRequest(`The input name '${JSON.stringify(id ?? null)}' is invalid.`);
  }
  return id;
}

function stamps(context: WriteContext): { readonly _etag: string; readonly _ts: number } {
  return { _etag: context.nextEtag(), _ts: Math.floor(context.now / 1000) };
}

function fail(): never {
  throw notFound();
}
