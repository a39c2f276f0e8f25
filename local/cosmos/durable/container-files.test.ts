import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Transaction } from "../store/container-data.ts";
import { createTestContainer, type TestContainer } from "../store/test-container.ts";
import { type ContainerFiles, openContainerFiles } from "./container-files.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "container-files-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Kept extends TestContainer {
  readonly files: ContainerFiles;
}

/** A container whose transactions go to the folder; opened again and again. */
function open(compactAfter = 1_000_000, at = folder): Kept {
  const container = createTestContainer({ defaultTtl: -1 });
  const files = openContainerFiles({ folder: at, data: container.data, compactAfter, clock: () => container.now });
  return Object.assign(container, { files, keep: (transaction: Transaction) => files.append(transaction) });
}

/** All that clients can see of a container. */
function contents({ data, now }: TestContainer): unknown {
  const items = data.items({ kind: "all" }, now).map(({ document, lsn }) => ({ document, lsn }));
  const changes = [...data.changes({ kind: "all" }, 0, now)].map(({ id, lsn }) => [id, lsn]);
  return { items, changes, lsn: data.lsn, nextSerial: data.nextSerial };
}

function copied(from: string, to: string): boolean {
  try {
    cpSync(from, to, { recursive: true });
    return true;
  } catch (error) {
    rmSync(to, { recursive: true, force: true });
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

function remove(id: string) {
  return { kind: "delete", partitionKey: ["p"], id, ifMatch: undefined } as const;
}

function write(container: TestContainer, count: number): void {
  for (let n = 0; n < count; n += 1) {
    container.put({ id: `i${n % 7}`, pk: "p", n });
    if (n % 10 === 9) container.run(remove(`i${n % 7}`));
  }
}

describe("openContainerFiles()", () => {
  it("brings back everything, counters included", async () => {
    const first = open();
    write(first, 40);
    first.run(remove("i4"));
    await first.files.close();
    assert.deepEqual(contents(open()), contents(first));
  });

  it("removes a last line that was cut, and goes on after it", async () => {
    const first = open();
    write(first, 5);
    const expected = contents(first);
    await first.files.close();
    appendFileSync(join(folder, "log-1.jsonl"), '{"lsn":6,"puts":[{"id":"cu');
    const second = open();
    assert.deepEqual(contents(second), expected);
    second.put({ id: "after", pk: "p" });
    await second.files.close();
    assert.deepEqual(contents(open()), contents(second));
  });

  it("refuses a log that is damaged in the middle", async () => {
    const first = open();
    write(first, 3);
    await first.files.close();
    const path = join(folder, "log-1.jsonl");
    writeFileSync(path, readFileSync(path, "utf8").replace('{"lsn":2', '{"lsn"2'));
    assert.throws(() => open(), /log-1\.jsonl:2 cannot be read/);
  });

  it("compacts, and keeps what was written meanwhile", async () => {
    const first = open(2_000);
    write(first, 200);
    await first.files.close();
    const names = readdirSync(folder);
    assert.ok(names.includes("snapshot.jsonl"));
    assert.ok(!names.includes("log-1.jsonl"), names.join(" "));
    assert.deepEqual(contents(open()), contents(first));
  });

  it("loses nothing when it is killed at any point of a compaction", async () => {
    const first = open(2_000);
    let copies = 0;
    while (!existsSync(join(folder, "snapshot.jsonl"))) {
      write(first, 3);
      await new Promise((resolve) => setImmediate(resolve));
      const copy = `${folder}-copy-${copies}`;
      // A file that went while it was copied: this copy is of no moment.
      if (!copied(folder, copy)) continue;
      assert.deepEqual(contents(open(2_000, copy)), contents(first));
      rmSync(copy, { recursive: true });
      copies += 1;
    }
    assert.ok(copies > 1);
    await first.files.close();
  });

  it("does not bring back older versions over a newer snapshot", async () => {
    const first = open(2_000);
    write(first, 100);
    await first.files.close();
    const old = JSON.stringify({
      lsn: 1,
      puts: [{ id: "i0", pk: "p", _rid: "AAAAAYAAAAIBAAAAAAAAAA==", _etag: '"x"', _ts: 1 }],
    });
    writeFileSync(join(folder, "log-0.jsonl"), `${old}\n`);
    assert.deepEqual(contents(open()), contents(first));
  });

  it("leaves expired items out of a snapshot", async () => {
    const first = open(2_000);
    first.put({ id: "short", pk: "p", ttl: 1, text: "gone for ever" });
    first.now += 10_000;
    write(first, 100);
    await first.files.close();
    assert.ok(!readFileSync(join(folder, "snapshot.jsonl"), "utf8").includes("gone for ever"));
    const second = open();
    second.now = first.now;
    assert.deepEqual(contents(second), contents(first));
  });
});
