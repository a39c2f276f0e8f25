import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { KubernetesObject } from "../object.ts";
import { openJournal } from "./journal.ts";
import { createObjectStore, type ObjectStore } from "./object-store.ts";

const object = (name: string, data = ""): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: "a", name, uid: name, resourceVersion: "", creationTimestamp: "" },
  data,
});

describe("the journal", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "weft-journal-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (): { store: ObjectStore; journal: ReturnType<typeof openJournal> } => {
    const journal = openJournal(folder);
    const store = createObjectStore(journal.recovered ?? {});
    journal.compact(store);
    store.subscribe((change) => journal.append(change));
    return { store, journal };
  };

  it("brings back objects and revision", () => {
    const first = open();
    first.store.put("configmaps", object("x", "1"));
    first.store.put("configmaps", object("x", "2"));
    first.store.put("secrets", object("y"));
    first.store.remove("secrets", "a", "y");
    first.journal[Symbol.dispose]();
    const { store, journal } = open();
    assert.equal(store.revision, first.store.revision);
    assert.deepEqual(store.list("configmaps"), first.store.list("configmaps"));
    assert.deepEqual(store.collections(), ["configmaps"]);
    assert.equal(store.put("configmaps", object("z")).metadata.resourceVersion, String(first.store.revision + 1));
    journal[Symbol.dispose]();
  });

  it("drops a line torn by a kill, and goes on behind it", () => {
    const first = open();
    first.store.put("configmaps", object("x"));
    first.journal[Symbol.dispose]();
    appendFileSync(join(folder, "log.jsonl"), '{"revision":999,"collec');
    const second = open();
    assert.equal(second.store.revision, first.store.revision);
    second.store.put("configmaps", object("y"));
    second.journal[Symbol.dispose]();
    const { store, journal } = open();
    assert.deepEqual(
      store.list("configmaps").map(({ metadata }) => metadata.name),
      ["x", "y"],
    );
    journal[Symbol.dispose]();
  });

  it("passes over lines that the snapshot holds already", () => {
    const { store, journal } = open();
    store.put("configmaps", object("x"));
    store.remove("configmaps", "a", "x");
    store.put("configmaps", object("x", "again"));
    const log = readFileSync(join(folder, "log.jsonl"));
    journal.compact(store);
    journal[Symbol.dispose]();
    writeFileSync(join(folder, "log.jsonl"), log);
    const reopened = open();
    assert.deepEqual(reopened.store.list("configmaps"), store.list("configmaps"));
    reopened.journal[Symbol.dispose]();
  });
});
