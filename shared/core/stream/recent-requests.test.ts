import assert from "node:assert/strict";
import { it } from "node:test";
import { createRecentRequests } from "./recent-requests.ts";

it("createRecentRequests() reads the same bytes once, wherever they lie, and keeps none of the caller's", () => {
  let reads = 0;
  const read = createRecentRequests((bytes) => {
    reads += 1;
    return { text: () => bytes.toString() };
  });
  const chunk = Buffer.from("ack 1.1");
  const first = read(chunk);
  assert.equal(read(Buffer.from("ack 1.1")), first);
  chunk.fill("x");
  assert.equal(first.text(), "ack 1.1");
  assert.equal(read(Buffer.from("ack 1.2")).text(), "ack 1.2");
  for (const other of ["2", "3", "4", "5"]) read(Buffer.from(other));
  assert.notEqual(read(Buffer.from("ack 1.1")), first, "only the newest are remembered");
  const long = Buffer.alloc(1000, "n");
  read(long);
  const before = reads;
  read(long);
  assert.equal(reads, before + 1);
});
