import { hash } from "node:crypto";
import type { ContentHash } from "../brand.ts";
import { canonicalJson, contentHash, type Json } from "../canonical.ts";

/** A block larger than this, with more than one entry, is split into 16 by the next four bits of the key's hash (design.md §4). */
export const maxBlockBytes = 32 * 1024;

interface Entry {
  readonly key: string;
  /** The path through the trie, hex: pathOf(key). */
  readonly path: string;
  /** Canonical JSON. */
  readonly value: string;
  /** Bytes that it takes in a block, about. */
  readonly size: number;
}

/** Of one key; `undefined` removes. Lists of them are sorted by path, and have each key once. */
interface Change {
  readonly key: string;
  readonly path: string;
  readonly entry: Entry | undefined;
}

interface Leaf {
  readonly kind: "leaf";
  /** Sorted by path. */
  readonly entries: readonly Entry[];
  readonly size: number;
  readonly count: number;
  text?: string;
  hash?: ContentHash;
}

interface Branch {
  readonly kind: "branch";
  /** 16 places. */
  readonly children: readonly (Block | undefined)[];
  readonly size: number;
  readonly count: number;
  text?: string;
  hash?: ContentHash;
}

type Block = Leaf | Branch;

/**
 * A canonical hash trie: a map from text to canonical JSON text, immutable, addressed by the hash of its content. Its shape depends on its
 * entries alone, so equal content has equal blocks and an equal root, whatever the order of edits. An edit shares all blocks but those on
 * its path; two tries are compared without looking into blocks of equal hash. A key may begin with `<place>#`: keys of one place lie
 * together, so that what changes together costs few blocks.
 */
export interface Trie {
  readonly root: ContentHash;
  readonly size: number;
  get(key: string): string | undefined;
  /** New trie. `undefined` removes. */
  with(changes: Iterable<readonly [key: string, value: string | undefined]>): Trie;
  /** In an order that depends on the keys alone. */
  entries(): Iterable<readonly [key: string, value: string]>;
  /** The blocks of this trie that `known` does not have, as [hash, text]; one that it has at another place may be among them. */
  blocks(known?: Trie): Iterable<readonly [ContentHash, string]>;
  /**
   * The same as they are stored: a branch of even depth together with its children that are branches, so that a path takes half the documents.
   * `texts` begins with the text of `hash`.
   */
  bundles(known?: Trie): Iterable<Bundle>;
  /** What differs in `other`: undefined on the side that lacks the key. */
  compare(other: Trie): Iterable<TrieDifference>;
}

export interface Bundle {
  readonly hash: ContentHash;
  readonly texts: readonly string[];
}

export interface TrieDifference {
  readonly key: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const blockSymbol = Symbol("block");
const emptyLeaf: Leaf = { kind: "leaf", entries: [], size: 0, count: 0 };

export const emptyTrie: Trie = createTrie(emptyLeaf);

/** Built at once, which is far cheaper than entry by entry; of a key that comes twice the last value counts. */
export function trieOf(entries: Iterable<readonly [string, string]>): Trie {
  return createTrie(blockFor(Array.from(new Map(entries), entryOf).sort(byPath), 0));
}

/**
 * Builds the trie of `root` from stored blocks. Returns the hashes that `readBlock` does not know yet, so that the caller can fetch these and
 * ask again; part of a trie is never returned. Blocks that `known` has at the same place are taken from it, without a look into them. Throws when a block's
 * text is not what its hash says.
 */
export function loadTrie(
  root: ContentHash,
  readBlock: (hash: ContentHash) => string | undefined,
  known: Trie = emptyTrie,
): { readonly trie: Trie } | { readonly missing: readonly ContentHash[] } {
  const missing: ContentHash[] = [];
  const load: LoadBlock = (address, before) => {
    if (address === emptyTrie.root) return emptyLeaf;
    if (before !== undefined && hashOf(before) === address) return before;
    const text = readBlock(address);
    if (text === undefined) {
      missing.push(address);
      return undefined;
    }
    if (contentHash(text) !== address) throw new Error(`block ${address} does not match its hash`);
    return decodeBlock(text, { load, before });
  };
  const block = load(root, blockOf(known));
  return block === undefined || missing.length > 0 ? { missing } : { trie: createTrie(block) };
}

function createTrie(top: Block): Trie {
  return {
    get root() {
      return hashOf(top);
    },
    size: top.count,
    get: (key) => find(top, key)?.value,
    with(changes) {
      const byKey = changes instanceof Map ? changes : new Map(changes);
      const block = edit(top, 0, Array.from(byKey, changeOf).sort(byPath));
      return block === top ? this : createTrie(block);
    },
    *entries() {
      for (const entry of entriesOf(top)) yield [entry.key, entry.value] as const;
    },
    *blocks(known) {
      yield* newBlocks(top, known && blockOf(known));
    },
    *bundles(known) {
      yield* newBundles(top, known && blockOf(known));
    },
    *compare(other) {
      yield* compareBlocks(top, blockOf(other));
    },
    [blockSymbol]: top,
  } as Trie;
}

function blockOf(trie: Trie): Block {
  return (trie as Trie & { readonly [blockSymbol]: Block })[blockSymbol];
}

/** Keys of one place share this many steps of their paths, and part only when they do not fit in one block. */
const placeSteps = 4;

function pathOf(key: string): string {
  const end = key.indexOf("#");
  const own = hash("sha256", key, "hex");
  return end < 0 ? own : stepsOf(key.slice(0, end)) + own;
}

const lastPlace = { place: "", steps: hash("sha256", "", "hex").slice(0, placeSteps) };

/** Keys of one place mostly come one after the other. */
function stepsOf(place: string): string {
  if (place !== lastPlace.place) {
    lastPlace.place = place;
    lastPlace.steps = hash("sha256", place, "hex").slice(0, placeSteps);
  }
  return lastPlace.steps;
}

function slotOf(path: string, depth: number): number {
  const code = path.charCodeAt(depth);
  return code < 58 ? code - 48 : code - 87;
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}

function entryOf([key, value]: readonly [string, string]): Entry {
  return { key, path: pathOf(key), value, size: Buffer.byteLength(key) + Buffer.byteLength(value) + 8 };
}

function changeOf([key, value]: readonly [string, string | undefined]): Change {
  if (value === undefined) return { key, path: pathOf(key), entry: undefined };
  const entry = entryOf([key, value]);
  return { key, path: entry.path, entry };
}

function find(top: Block, key: string): Entry | undefined {
  const path = pathOf(key);
  let block: Block | undefined = top;
  for (let depth = 0; block !== undefined; depth++) {
    if (block.kind === "leaf") return block.entries.find((entry) => entry.key === key);
    block = block.children[slotOf(path, depth)];
  }
  return undefined;
}

function edit(block: Block, depth: number, changes: readonly Change[]): Block {
  if (block.kind === "leaf") {
    const entries = mergedEntries(block.entries, changes);
    return entries === block.entries ? block : blockFor(entries, depth);
  }
  let children = block.children;
  for (const [slot, ofSlot] of bySlot(changes, depth)) {
    const child = children[slot] ?? emptyLeaf;
    const edited = edit(child, depth + 1, ofSlot);
    if (edited === child) continue;
    children = children.with(slot, edited.count === 0 ? undefined : edited);
  }
  if (children === block.children) return block;
  const branch = branchOf(children);
  return fitsInOne(branch) ? leafOf([...entriesOf(branch)]) : branch;
}

/** The same list when the changes change nothing. */
function mergedEntries(entries: readonly Entry[], changes: readonly Change[]): readonly Entry[] {
  const merged: Entry[] = [];
  let isChanged = false;
  let position = 0;
  for (const { key, path, entry } of changes) {
    for (let next = entries[position]; next !== undefined && next.path < path; next = entries[position]) {
      merged.push(next);
      position += 1;
    }
    const present = entries[position]?.key === key ? entries[position] : undefined;
    if (present !== undefined) position += 1;
    const isSame = present?.value === entry?.value;
    const kept = isSame ? present : entry;
    if (!isSame) isChanged = true;
    if (kept !== undefined) merged.push(kept);
  }
  return isChanged ? [...merged, ...entries.slice(position)] : entries;
}

/** What is sorted by path, parted by the step at this depth. */
function* bySlot<T extends { readonly path: string }>(
  sorted: readonly T[],
  depth: number,
): Iterable<readonly [slot: number, part: readonly T[]]> {
  let start = 0;
  while (start < sorted.length) {
    const first = sorted[start];
    if (first === undefined) return;
    const slot = slotOf(first.path, depth);
    let end = start + 1;
    for (let next = sorted[end]; next !== undefined && slotOf(next.path, depth) === slot; next = sorted[end]) end += 1;
    yield [slot, start === 0 && end === sorted.length ? sorted : sorted.slice(start, end)];
    start = end;
  }
}

function fitsInOne(block: { readonly size: number; readonly count: number }): boolean {
  return block.size <= maxBlockBytes || block.count <= 1;
}

/** `entries` sorted by path. */
function blockFor(entries: readonly Entry[], depth: number): Block {
  const leaf = leafOf(entries);
  if (fitsInOne(leaf)) return leaf;
  const children = Array.from({ length: 16 }, (): Block | undefined => undefined);
  for (const [slot, part] of bySlot(entries, depth)) children[slot] = blockFor(part, depth + 1);
  return branchOf(children);
}

/** `entries` sorted by path. */
function leafOf(entries: readonly Entry[]): Leaf {
  return { kind: "leaf", entries, size: sizeOf(entries), count: entries.length };
}

function sizeOf(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) size += entry.size;
  return size;
}

function branchOf(children: readonly (Block | undefined)[]): Branch {
  let size = 0;
  let count = 0;
  for (const child of children) {
    size += child?.size ?? 0;
    count += child?.count ?? 0;
  }
  return { kind: "branch", children, size, count };
}

function* entriesOf(block: Block): Iterable<Entry> {
  if (block.kind === "leaf") yield* block.entries;
  else for (const child of block.children) if (child !== undefined) yield* entriesOf(child);
}

function textOf(block: Block): string {
  block.text ??=
    block.kind === "leaf"
      ? `{"entries":[${block.entries.map((entry) => `[${JSON.stringify(entry.key)},${entry.value}]`).join(",")}]}`
      : `{"children":[${block.children.map((child) => (child === undefined ? "null" : `"${hashOf(child)}"`)).join(",")}]}`;
  return block.text;
}

function hashOf(block: Block): ContentHash {
  block.hash ??= contentHash(textOf(block));
  return block.hash;
}

/** What one stored block says: entries as key and canonical JSON, or the hashes of the blocks below it. */
export function readBlock(text: string): {
  readonly entries: readonly (readonly [key: string, value: string])[];
  readonly children: readonly ContentHash[];
} {
  const { entries = [], children = [] } = parseBlock(text);
  return {
    entries: entries.map(([key, value]) => [key, canonicalJson(value)] as const),
    children: children.filter((child) => child !== null),
  };
}

function parseBlock(text: string): { entries?: [string, Json][]; children?: (ContentHash | null)[] } {
  return JSON.parse(text) as ReturnType<typeof parseBlock>;
}

/** `before`: what another trie has at the same place. */
type LoadBlock = (hash: ContentHash, before: Block | undefined) => Block | undefined;

function decodeBlock(
  text: string,
  { load, before }: { readonly load: LoadBlock; readonly before: Block | undefined },
): Block | undefined {
  const parsed = parseBlock(text);
  if (parsed.children === undefined) {
    return leafOf((parsed.entries ?? []).map(([key, value]) => entryOf([key, canonicalJson(value)])).sort(byPath));
  }
  const others = before?.kind === "branch" ? before.children : [];
  const children = parsed.children.map((child, slot) =>
    child === null ? undefined : (load(child, others[slot]) ?? null),
  );
  return children.includes(null) ? undefined : branchOf(children as (Block | undefined)[]);
}

/** A block can only be known where it is in its own trie: at another place its entries would have other paths. */
function isKnown(block: Block, known: Block | undefined): boolean {
  return known !== undefined && (block === known || hashOf(block) === hashOf(known));
}

function childOf(block: Block | undefined, slot: number): Block | undefined {
  return block?.kind === "branch" ? block.children[slot] : undefined;
}

function* newBlocks(block: Block, known: Block | undefined): Iterable<readonly [ContentHash, string]> {
  if (block.count === 0 || isKnown(block, known)) return;
  yield [hashOf(block), textOf(block)];
  if (block.kind === "leaf") return;
  for (const [slot, child] of block.children.entries())
    if (child !== undefined) yield* newBlocks(child, childOf(known, slot));
}

/** `top` is of even depth. */
function* newBundles(top: Block, known: Block | undefined): Iterable<Bundle> {
  if (top.count === 0 || isKnown(top, known)) return;
  if (top.kind === "leaf") {
    yield { hash: hashOf(top), texts: [textOf(top)] };
    return;
  }
  const branches = top.children.filter((child) => child?.kind === "branch");
  yield { hash: hashOf(top), texts: [top, ...branches].map(textOf) };
  for (const [slot, child] of top.children.entries()) {
    const knownChild = childOf(known, slot);
    if (child?.kind === "leaf") yield* newBundles(child, knownChild);
    else if (child !== undefined && !isKnown(child, knownChild))
      for (const [below, grandchild] of child.children.entries())
        if (grandchild !== undefined) yield* newBundles(grandchild, childOf(knownChild, below));
  }
}

function* compareBlocks(before: Block, after: Block): Iterable<TrieDifference> {
  if (before === after || hashOf(before) === hashOf(after)) return;
  if (before.kind === "branch" && after.kind === "branch") {
    for (let slot = 0; slot < 16; slot++)
      yield* compareBlocks(before.children[slot] ?? emptyLeaf, after.children[slot] ?? emptyLeaf);
    return;
  }
  const old = new Map<string, string>();
  for (const entry of entriesOf(before)) old.set(entry.key, entry.value);
  for (const entry of entriesOf(after)) {
    const value = old.get(entry.key);
    old.delete(entry.key);
    if (value !== entry.value) yield { key: entry.key, before: value, after: entry.value };
  }
  for (const [key, value] of old) yield { key, before: value, after: undefined };
}
