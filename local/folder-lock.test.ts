import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { lockFolder } from "./folder-lock.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "folder-lock-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("lockFolder()", () => {
  it("is taken once until it is released", () => {
    const lock = lockFolder(folder);
    assert.throws(() => lockFolder(folder), /in use by process/);
    lock.release();
    lockFolder(folder).release();
  });

  it("takes over from a process that is gone, or whose number went to another", () => {
    const path = join(folder, "lock");
    for (const stale of ["4194303 1", `${process.pid} 1`, "", "nonsense"]) {
      writeFileSync(path, stale);
      const lock = lockFolder(folder);
      assert.match(readFileSync(path, "utf8"), new RegExp(`^${process.pid} `));
      lock.release();
    }
  });
});
