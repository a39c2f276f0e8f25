import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { eventually } from "../../test/support/eventually.ts";
import { identifyProcess, identifySelf, isRunning } from "./process-identity.ts";

test("a process is known by its number and its start, and this one runs", async () => {
  const self = await identifySelf();
  assert.equal(await isRunning(self), true);
  assert.equal(await isRunning({ ...self, startTicks: "1" }), false);
});

test("a process that has ended runs no more, although its parent never waits for it", async (context) => {
  // `exec` puts a program that waits for nobody in the place of the shell, as where nothing reaps orphans.
  const parent = spawn("sh", ["-c", "sh -c 'echo $$' & exec tail -f /dev/null"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  context.after(() => parent.kill());
  const [line] = (await once(createInterface(parent.stdout), "line")) as [string];
  const pid = Number(line);
  await eventually("it has ended", async () => (await readFile(`/proc/${pid}/stat`, "utf8")).includes(") Z "));
  assert.equal(await identifyProcess(pid), undefined);
});
