import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { memorySource } from "../testdata/memory-reader.ts";
import { createFileCheckpoints } from "./checkpoints.ts";

test("createFileCheckpoints() finds a position again after a restart, each partition its own", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "checkpoints-"));
  t.after(() => rm(directory, { recursive: true }));
  const other = { ...memorySource, partition: "1" };
  const before = createFileCheckpoints(directory);
  assert.equal(await before.read(memorySource), undefined);
  await before.write(memorySource, { offset: "100", sequenceNumber: 1 });
  await before.write(memorySource, { offset: "200", sequenceNumber: 2 });
  const after = createFileCheckpoints(directory);
  assert.deepEqual(await after.read(memorySource), { offset: "200", sequenceNumber: 2 });
  assert.equal(await after.read(other), undefined);
});
