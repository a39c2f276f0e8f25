import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createPartitionLog, type NewEvent } from "./partition-log.ts";
import { openSegmentFiles } from "./segment-files.ts";

async function temporaryDir(context: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "weft-log-"));
  context.after(() => rm(dir, { recursive: true }));
  return dir;
}

const event = (text: string, partitionKey?: string): NewEvent => ({ bytes: Buffer.from(text), partitionKey });

test("openSegmentFiles() gives back what was appended, keys and times included", async (context) => {
  const dir = await temporaryDir(context);
  const { store } = await openSegmentFiles({ dir });
  const log = createPartitionLog({ now: () => 1_700_000_000_123, store });
  const placed = [...log.append([event("a", "cluster-ß"), event("")]), ...log.append([event("c", "")])];
  log.close();
  const { events, store: again } = await openSegmentFiles({ dir });
  again.close();
  assert.deepEqual(events, placed);
});

test("openSegmentFiles() begins a new file when one is full, and reads them in order", async (context) => {
  const dir = await temporaryDir(context);
  const { store } = await openSegmentFiles({ dir, segmentBytes: 100 });
  const log = createPartitionLog({ now: () => 1, store });
  for (let index = 0; index < 12; index += 1) log.append([event("x".repeat(60))]);
  log.close();
  assert.equal((await readdir(dir)).length, 6);
  const { events, store: again } = await openSegmentFiles({ dir });
  again.close();
  assert.deepEqual(
    events.map((one) => one.sequenceNumber),
    Array.from({ length: 12 }, (_, index) => index),
  );
});

test("openSegmentFiles() drops a record cut short at the end and goes on after the last whole one", async (context) => {
  const dir = await temporaryDir(context);
  const { store } = await openSegmentFiles({ dir });
  const log = createPartitionLog({ now: () => 1, store });
  log.append([event("whole")]);
  log.append([event("whole, but of a batch that is not"), event("cut short")]);
  log.close();
  const path = join(dir, `${"0".repeat(20)}.log`);
  await truncate(path, (await readFile(path)).length - 3);
  const opened = await openSegmentFiles({ dir });
  assert.deepEqual(
    opened.events.map((one) => one.bytes.toString()),
    ["whole"],
  );
  const next = createPartitionLog({ now: () => 2, ...opened });
  assert.equal(next.append([event("after")])[0]?.sequenceNumber, 1);
  next.close();
  const { events, store: again } = await openSegmentFiles({ dir });
  again.close();
  assert.equal(events.at(-1)?.bytes.toString(), "after");
});

test("openSegmentFiles() refuses a file damaged before its end", async (context) => {
  const dir = await temporaryDir(context);
  const { store } = await openSegmentFiles({ dir, segmentBytes: 10 });
  const log = createPartitionLog({ now: () => 1, store });
  for (const text of ["a", "b"]) log.append([event(text)]);
  log.close();
  await writeFile(join(dir, `${"0".repeat(20)}.log`), "not a record, but longer than the head of one");
  await assert.rejects(openSegmentFiles({ dir }), /damaged at byte 0/);
});

/** The files, and what a log over them says after it was opened again. */
async function reopened(dir: string): Promise<{ readonly files: number; readonly texts: string[]; next: number }> {
  const { events, next, store } = await openSegmentFiles({ dir, segmentBytes: 100 });
  store.close();
  return { files: (await readdir(dir)).length, texts: events.map(({ bytes }) => bytes.toString()), next };
}

test("what has expired leaves the disk a file at a time; the last file stays and says where numbers go on", async (context) => {
  const dir = await temporaryDir(context);
  let now = 0;
  const files = await openSegmentFiles({ dir, segmentBytes: 100 });
  const log = createPartitionLog({ now: () => now, ...files, retention: { age: 10 } });
  for (const text of ["a", "b", "c", "d", "e"]) log.append([event(text.repeat(60))]);
  assert.equal((await readdir(dir)).length, 3);
  now = 100;
  assert.equal(log.properties().isEmpty, true);
  log.close();
  assert.deepEqual(await reopened(dir), { files: 1, texts: ["e".repeat(60)], next: 5 });
});

test("a lost tail and a cleared partition stay so over a restart", async (context) => {
  const dir = await temporaryDir(context);
  const files = await openSegmentFiles({ dir, segmentBytes: 100 });
  const log = createPartitionLog({ now: () => 1, ...files });
  for (const text of ["a", "b", "c", "d", "e"]) log.append([event(text), event(text.repeat(60))]);
  log.loseTail(3);
  assert.deepEqual((await reopened(dir)).texts.at(-1), "d");
  log.append([event("after")]);
  assert.deepEqual((await reopened(dir)).texts.slice(-2), ["d", "after"]);
  log.clear();
  assert.deepEqual(await reopened(dir), { files: 0, texts: [], next: 0 });
  log.append([event("anew")]);
  log.close();
  assert.deepEqual(await reopened(dir), { files: 1, texts: ["anew"], next: 1 });
});
