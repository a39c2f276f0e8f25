import type { ContentHash } from "../../shared/core/brand.ts";
import { contentHash } from "../../shared/core/canonical.ts";
import type { ObjectKey } from "../../shared/core/object.ts";
import { parseJson } from "../../shared/core/parse-json.ts";
import type { StoredResource } from "../../shared/store/block-store.ts";
import type { Disk } from "./disk.ts";
import type { Content, KeptContent } from "./kept-content.ts";

/** Bytes of content that go into one file before the next is begun. */
const fileBytes = 1024 * 1024;
/** A file with fewer bytes is small; so many of them are merged. */
const smallFile = fileBytes / 4;
const mostSmallFiles = 64;
const extension = ".pack";

/** Where a line lies. */
interface Place {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

interface PackFile {
  readonly bytes: number;
  readonly hashes: readonly ContentHash[];
}

/** `<kind> <hash> <JSON>`; a block's JSON is its text as it is. */
interface ResourceLine {
  readonly body: string;
  readonly causes: readonly ObjectKey[];
}

/**
 * Content in files that are written once, each named by the hash of all that is in it, one line a content. Less than half of what lies there is dead: files
 * that are mostly dead are written anew, without it.
 */
export async function openDiskContent(disk: Disk, smallFiles = mostSmallFiles): Promise<KeptContent> {
  const files = new Map<string, PackFile>();
  const places = new Map<ContentHash, Place>();
  const note = (file: string, bytes: Buffer): void => {
    const lines = [...linesOf(bytes)];
    files.set(file, { bytes: bytes.length, hashes: lines.map(({ hash }) => hash) });
    for (const { hash, start, end } of lines) places.set(hash, { file, start, end });
  };
  const forget = async (file: string): Promise<void> => {
    for (const hash of files.get(file)?.hashes ?? []) if (places.get(hash)?.file === file) places.delete(hash);
    files.delete(file);
    await disk.remove(file);
  };
  for (const file of (await disk.files()).toSorted()) {
    const bytes = (await disk.read(file)) ?? Buffer.of();
    if (contentHash(bytes) + extension === file) note(file, bytes);
    else await disk.remove(file);
  }

  /** What is there of them and is what its hash says. */
  const read = async (hashes: Iterable<ContentHash>): Promise<ReadonlyMap<ContentHash, Content>> => {
    const found = new Map<ContentHash, Content>();
    const wanted = [...hashes].flatMap((hash) => {
      const place = places.get(hash);
      return place === undefined ? [] : [{ hash, ...place }];
    });
    for (const [file, lines] of Map.groupBy(wanted, (place) => place.file)) {
      const contents = (await readLines(disk, file, lines)).map(({ hash, text }) => readContent(hash, text));
      for (const content of contents) if (content !== undefined) found.set(content.hash, content);
      // Damaged since the start: whoever wants it looks elsewhere, and it can be kept anew.
      if (contents.includes(undefined) && files.has(file)) await forget(file);
    }
    return found;
  };
  const write = async (texts: Iterable<string>): Promise<ReadonlySet<string>> => {
    const written = new Set<string>();
    for (const text of filled(texts)) {
      const bytes = Buffer.from(text);
      const file = contentHash(bytes) + extension;
      await disk.replace(file, bytes);
      note(file, bytes);
      written.add(file);
    }
    return written;
  };
  return {
    has: (hash) => places.has(hash),
    async block(hash) {
      const found = (await read([hash])).get(hash);
      return found?.kind === "block" ? found.text : undefined;
    },
    async resources(versions) {
      const found = new Map<ContentHash, StoredResource>();
      for (const [version, content] of await read(versions))
        if (content.kind === "resource") found.set(version, content.resource);
      return found;
    },
    async add(contents) {
      const fresh: string[] = [];
      for (const content of contents) if (!places.has(content.hash)) fresh.push(lineOf(content));
      await write(fresh);
    },
    async keepOnly(live) {
      const spent = spentFiles({ files, places, smallFiles }, live);
      const moving: ContentHash[] = [];
      for (const file of spent)
        for (const hash of files.get(file)?.hashes ?? [])
          if (live.has(hash) && places.get(hash)?.file === file) moving.push(hash);
      const written = await write([...(await read(moving)).values()].map(lineOf));
      for (const file of spent) if (!written.has(file)) await forget(file);
    },
  };
}

/** Files of which less than half is live, and small ones where there are many. */
function spentFiles(
  {
    files,
    places,
    smallFiles,
  }: {
    readonly files: ReadonlyMap<string, PackFile>;
    readonly places: ReadonlyMap<ContentHash, Place>;
    readonly smallFiles: number;
  },
  live: ReadonlySet<ContentHash>,
): readonly string[] {
  const small = [...files].filter(([, { bytes }]) => bytes < smallFile).map(([file]) => file);
  const merged = new Set(small.length > smallFiles ? small : []);
  return [...files.keys()].filter((file) => {
    const { bytes, hashes } = files.get(file) ?? { bytes: 0, hashes: [] };
    const alive = hashes.reduce((sum, hash) => {
      const place = places.get(hash);
      return place?.file === file && live.has(hash) ? sum + place.end - place.start + 1 : sum;
    }, 0);
    return alive * 2 < bytes || merged.has(file);
  });
}

function* filled(lines: Iterable<string>): Iterable<string> {
  let text = "";
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length < fileBytes) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}

const hashLength = 16;
/** `b` or `r`, and a space. */
const kindLength = 2;

function* linesOf(bytes: Buffer): Iterable<{ hash: ContentHash; start: number; end: number }> {
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(10, start);
    const hash = bytes.toString("utf8", start + kindLength, start + kindLength + hashLength) as ContentHash;
    yield { hash, start, end };
    start = end + 1;
  }
}

function lineOf(content: Content): string {
  if (content.kind === "block") return `b ${content.hash} ${content.text}`;
  const { body, causes } = content.resource;
  const line: ResourceLine = { body: body.toString("base64"), causes };
  return `r ${content.hash} ${JSON.stringify(line)}`;
}

const textStart = kindLength + hashLength + 1;

/** Undefined when it is not what its hash says. */
function readContent(hash: ContentHash, line: string): Content | undefined {
  const text = line.slice(textStart);
  if (line.startsWith("b ")) return contentHash(text) === hash ? { kind: "block", hash, text } : undefined;
  const json = parseJson(text) as ResourceLine | undefined; // undefined: damaged
  const body = Buffer.from(json?.body ?? "", "base64");
  if (json === undefined || contentHash(body) !== hash) return undefined;
  return { kind: "resource", hash, resource: { version: hash, body, causes: json.causes } };
}

type Line = Place & { readonly hash: ContentHash };

/** One line is read alone, several with their file. Of a file that is gone every line is empty. */
async function readLines(
  disk: Disk,
  file: string,
  lines: readonly Line[],
): Promise<readonly { hash: ContentHash; text: string }[]> {
  const [first] = lines;
  if (first === undefined) return [];
  const whole = lines.length > 1;
  const bytes = (whole ? await disk.read(file) : await disk.readPart(file, first)) ?? Buffer.of();
  const from = whole ? 0 : first.start;
  return lines.map(({ hash, start, end }) => ({ hash, text: bytes.toString("utf8", start - from, end - from) }));
}
