import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { openKubeLab } from "./kube-lab.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-lab-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Scripts that stand for a lab's; `log` tells what was done. */
async function scripts(script: { build?: string; up?: string }): Promise<string> {
  const dir = join(folder, "scripts");
  await mkdir(dir);
  const log = join(folder, "log");
  const texts = {
    "build.sh": script.build ?? "exit 0",
    "up.sh": script.up ?? `echo "up" >> ${log}; echo "export KUBECONFIG=$2/kubeconfig"`,
    "down.sh": `echo "down" >> ${log}`,
  };
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(join(dir, name), `#!/bin/bash\n${text}\n`);
    await chmod(join(dir, name), 0o755);
  }
  return dir;
}

const environment = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
const silent = { environment, report: () => undefined };

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error("waited 30 s in vain");
    await new Promise((done) => setTimeout(done, 20));
  }
}

const logged = async (): Promise<string> =>
  existsSync(join(folder, "log")) ? await readFile(join(folder, "log"), "utf8") : "";

test("openKubeLab() takes the server that it is given, and lets it run on", async () => {
  const given = { ...silent, environment: { WEFT_KUBE_LAB: "/kubeconfig" }, scripts: folder };
  await using lab = await openKubeLab(given);
  assert.deepEqual([lab.kubeconfig, lab.missing], ["/kubeconfig", undefined]);
});

test("openKubeLab() starts a lab and ends it", async () => {
  {
    await using lab = await openKubeLab({ ...silent, scripts: await scripts({}) });
    assert.match(lab.kubeconfig ?? "", /lab\/kubeconfig$/);
    assert.equal(await logged(), "up\n");
  }
  assert.equal(await logged(), "up\ndown\n");
});

test("openKubeLab() says why there is no lab", async () => {
  const absent = await openKubeLab({ ...silent, scripts: join(folder, "none") });
  assert.match(absent.missing ?? "", /WEFT_KUBE_LAB is not set/);
  const dir = await scripts({ build: "echo 'needs go' >&2; exit 1" });
  assert.equal((await openKubeLab({ ...silent, scripts: dir })).missing, "its build failed: needs go");
  await writeFile(join(dir, "build.sh"), "#!/bin/bash\nsleep 600 & wait\n");
  const slow = await openKubeLab({ ...silent, scripts: dir, buildLimit: 60 });
  assert.match(slow.missing ?? "", /its build took longer/);
  await writeFile(join(dir, "build.sh"), "#!/bin/bash\n");
  await writeFile(join(dir, "up.sh"), "#!/bin/bash\necho 'no port' >&2; exit 1\n");
  assert.equal((await openKubeLab({ ...silent, scripts: dir })).missing, "it did not start: no port");
  assert.equal(await logged(), "down\n");
});

test("a lab ends though the process that started it was killed", async () => {
  const dir = await scripts({});
  const program = `import { openKubeLab } from ${JSON.stringify(new URL("kube-lab.ts", import.meta.url).href)};
    const lab = await openKubeLab({ environment: process.env, scripts: ${JSON.stringify(dir)}, report: () => undefined });
    process.stdout.write(lab.kubeconfig); setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { env: environment, stdio: "pipe" });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await until(async () => (await logged()) === "up\ndown\n");
});
