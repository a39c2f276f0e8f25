import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ContentHash } from "../../shared/core/brand.ts";
import { contentHash } from "../../shared/core/canonical.ts";
import { openDiskContent } from "./disk-content.ts";
import { openFileDisk } from "./file-disk.ts";
import { type Content, createMemoryContent, type KeptContent } from "./kept-content.ts";

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "weft-content-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function block(text: string): Content & { readonly kind: "block" } {
  return { kind: "block", hash: contentHash(text), text };
}

function resource(text: string): Content & { readonly kind: "resource" } {
  const body = Buffer.from(text);
  const causes = [{ group: "", kind: "Service", namespace: "shop", name: "cart" }];
  const version = contentHash(body);
  return { kind: "resource", hash: version, resource: { version, body, causes } };
}

function blocksOf(count: number, size: number): readonly (Content & { readonly kind: "block" })[] {
  return Array.from({ length: count }, (_, index) => block(JSON.stringify(`${index}-${"x".repeat(size)}`)));
}

function hashesOf(contents: readonly Content[]): Set<ContentHash> {
  return new Set(contents.map(({ hash }) => hash));
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = await Promise.all((await readdir(folder)).map(async (file) => (await stat(join(folder, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

for (const { name, open } of [
  {
    name: "on disk",
    open: async (t: TestContext): Promise<KeptContent> => openDiskContent(openFileDisk(await folderOf(t))),
  },
  { name: "in memory", open: async (): Promise<KeptContent> => createMemoryContent() },
]) {
  test(`content ${name} is found by its hash, and what is live stays`, async (t) => {
    const content = await open(t);
    const [one, two] = [block('{"entries":[["a\\nb",1]]}'), resource("bytes \u0000 \n of any kind")];
    await content.add([one, two]);
    assert.equal(await content.block(one.hash), one.text);
    assert.equal(await content.block(two.hash), undefined, "a resource is no block");
    assert.deepEqual([...(await content.resources([one.hash, two.hash])).values()], [two.resource]);
    assert.equal(await content.block(contentHash("other")), undefined);
    await content.keepOnly(hashesOf([two]));
    assert.equal(content.has(two.hash), true);
    assert.equal((await content.resources([two.hash])).size, 1);
  });
}

test("content outlives the process, and is written once", async (t) => {
  const folder = await folderOf(t);
  const contents = [...blocksOf(50, 1000), resource("r")];
  const first = await openDiskContent(openFileDisk(folder));
  await first.add(contents);
  const files = await readdir(folder);
  await first.add(contents);
  const second = await openDiskContent(openFileDisk(folder));
  await second.add(contents);
  assert.deepEqual(await readdir(folder), files);
  for (const { hash, text } of blocksOf(50, 1000)) assert.equal(await second.block(hash), text);
});

test("a file that is half written, cut or changed counts as missing, and goes; what it held can be kept anew", async (t) => {
  const folder = await folderOf(t);
  const [one, two, three] = [block('"one"'), block('"two"'), resource("three")];
  const writer = await openDiskContent(openFileDisk(folder));
  for (const content of [one, two, three]) await writer.add([content]);
  const files = await readdir(folder);
  await truncate(join(folder, files[0] ?? ""), 20);
  await writeFile(join(folder, files[1] ?? ""), "b 0123456789abcdef garbage");
  await writeFile(join(folder, "half.pack.unfinished"), "b ");
  const reader = await openDiskContent(openFileDisk(folder));
  assert.equal([one, two, three].filter(({ hash }) => reader.has(hash)).length, 1);
  assert.equal((await readdir(folder)).length, 1);
  await reader.add([one, two, three]);
  assert.equal(await reader.block(one.hash), one.text);
});

test("content that is damaged, or goes, while it is kept is never returned", async (t) => {
  const folder = await folderOf(t);
  const content = await openDiskContent(openFileDisk(folder));
  const spoiled = [block('"one"'), block('"two"'), resource("three")];
  await content.add(spoiled);
  const [file = ""] = await readdir(folder);
  const text = await readFile(join(folder, file), "utf8");
  await writeFile(join(folder, file), text.replace('"two"', '"owt"'));
  assert.equal(await content.block(contentHash('"two"')), undefined);
  assert.equal(content.has(contentHash('"two"')), false);
  await content.add(spoiled);
  assert.equal(await content.block(contentHash('"two"')), '"two"');
  for (const name of await readdir(folder)) await rm(join(folder, name));
  assert.equal((await content.resources(hashesOf(spoiled))).size, 0);
  assert.equal(content.has(contentHash('"one"')), false);
});

test("the folder is bounded: less than half of it is dead, however content comes and goes", async (t) => {
  const folder = await folderOf(t);
  const content = await openDiskContent(openFileDisk(folder));
  const stays = blocksOf(200, 1000);
  await content.add(stays);
  for (let round = 0; round < 12; round++) {
    const comes = block(JSON.stringify(`${round} ${"y".repeat(20_000)}`));
    await content.add([comes]);
    await content.keepOnly(hashesOf([...stays, comes]));
  }
  assert.ok((await sizeOf(folder)) < 2 * (200 * 1030 + 20_100));
  for (const { hash, text } of stays) assert.equal(await content.block(hash), text);
  const few = stays.slice(0, 3);
  await content.keepOnly(hashesOf(few));
  assert.ok((await sizeOf(folder)) < 2 * 3 * 1030);
  assert.equal(await content.block(few[0]?.hash ?? contentHash("")), few[0]?.text);
});

test("many small files become few", async (t) => {
  const folder = await folderOf(t);
  const content = await openDiskContent(openFileDisk(folder), 5);
  const contents = blocksOf(6, 10);
  for (const one of contents) await content.add([one]);
  await content.keepOnly(hashesOf(contents));
  assert.equal((await readdir(folder)).length, 1);
  const again = await openDiskContent(openFileDisk(folder));
  for (const { hash, text } of contents) assert.equal(await again.block(hash), text);
});
