import assert from "node:assert/strict";
import { it } from "node:test";
import { createOneAtATime } from "./one-at-a-time.ts";

it("createOneAtATime() finishes one before it begins with the next, and goes on after a fault", () => {
  const done: string[] = [];
  const give = createOneAtATime<string>((item) => {
    done.push(`begin ${item}`);
    if (item === "a") {
      give("b");
      give("bad");
      give("c");
    }
    if (item === "bad") throw new Error("bad");
    done.push(`end ${item}`);
  });
  assert.throws(() => give("a"), /bad/);
  give("d");
  assert.deepEqual(done, ["begin a", "end a", "begin b", "end b", "begin bad", "begin c", "end c", "begin d", "end d"]);
});
