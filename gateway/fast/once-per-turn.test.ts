import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createOncePerTurn } from "./once-per-turn.ts";

function failing(error: unknown): void {
  assert.fail(String(error));
}

test("work is done at once, and once more at the end of the turn for what came again", async () => {
  const done: string[] = [];
  const onNews = createOncePerTurn((key: string) => void done.push(key), failing);
  onNews("a");
  assert.deepEqual(done, ["a"]);
  for (let news = 0; news < 5; news++) onNews("a");
  onNews("b");
  assert.deepEqual(done, ["a", "b"]);
  await nextTurn();
  assert.deepEqual(done, ["a", "b", "a"]);
  onNews("a");
  assert.deepEqual(done, ["a", "b", "a", "a"], "another turn");
});

test("what fails late is told and keeps nothing else from being done; what is disposed of does nothing more", async () => {
  const faults: unknown[] = [];
  const done: string[] = [];
  let fails = false;
  const onNews = createOncePerTurn(
    (key: string) => {
      if (fails && key === "a") throw new Error("late");
      done.push(key);
    },
    (error) => faults.push(error),
  );
  for (const key of ["a", "a", "b", "b"]) onNews(key);
  fails = true;
  await nextTurn();
  assert.equal(faults.length, 1);
  assert.deepEqual(done, ["a", "b", "b"]);
  for (const key of ["b", "b"]) onNews(key);
  onNews[Symbol.dispose]();
  await nextTurn();
  assert.deepEqual(done, ["a", "b", "b", "b"]);
});
