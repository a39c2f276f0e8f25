import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { readLines } from "./read-lines.ts";

test("readLines() hands over whole lines, however the bytes are cut, letters of several bytes too", async () => {
  const bytes = Buffer.from("one\nzwölf\n\nthree\nlost");
  for (let size = 1; size <= bytes.length; size++) {
    const stream = new PassThrough();
    const lines: string[] = [];
    const read = readLines(stream, (text) => lines.push(text));
    for (let from = 0; from < bytes.length; from += size) stream.write(bytes.subarray(from, from + size));
    stream.end();
    await read;
    assert.deepEqual(lines, ["one", "zwölf", "three"]);
  }
});

test("readLines() hands a line over before the write of its last byte returns", () => {
  const stream = new PassThrough();
  const lines: string[] = [];
  void readLines(stream, (text) => lines.push(text));
  stream.resume();
  stream.emit("data", Buffer.from("now\n"));
  assert.deepEqual(lines, ["now"]);
});

test("readLines() rejects with what the reader throws, and closes the stream", async () => {
  const stream = new PassThrough();
  const read = readLines(stream, () => {
    throw new Error("unreadable");
  });
  stream.write("x\n");
  await assert.rejects(read, /unreadable/);
  assert.equal(stream.destroyed, true);
});

test("readLines() rejects when the connection breaks", async () => {
  const stream = new PassThrough();
  const read = readLines(stream, () => undefined);
  stream.destroy();
  await assert.rejects(read, /closed/);
});
