import { contentHash } from "../canonical.ts";
import { decodeNode, type ProxyNode } from "./proxy-node.ts";
import { inside, readFields, textAt } from "./wire.ts";

/** The two discovery requests by hand (spec/xds.md §1.4), as far as they are used. Field numbers: envoy/service/discovery/v3/discovery.proto. */

export interface DeltaRequest {
  /** Only where it was asked for. */
  readonly node: ProxyNode | undefined;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: ReadonlyMap<string, string>;
  readonly nonce: string;
  readonly error: { readonly message: string } | undefined;
}

export interface SotwRequest {
  readonly node: ProxyNode | undefined;
  readonly typeUrl: string;
  /** The whole list, decoded when it is read. */
  readonly names: readonly string[];
  /** Tells lists apart without decoding them; undefined when it is not known whether another list is the same. */
  readonly listing: string | undefined;
  readonly nonce: string;
  readonly error: { readonly message: string } | undefined;
}

/** What of a request is wanted: a proxy may repeat its node in every one, and it is 61 KB. */
export interface RequestParts {
  readonly node: boolean;
}

const allParts: RequestParts = { node: true };
const none: readonly never[] = [];
/** Of most requests, which bring none. */
export const noVersions: ReadonlyMap<string, string> = new Map();

/** Throws a RangeError when the bytes are not such a message. */
export function decodeDeltaRequest(message: Uint8Array, parts: RequestParts = allParts): DeltaRequest {
  const bytes = asBuffer(message);
  let node: ProxyNode | undefined;
  let typeUrl = "";
  let subscribe: string[] | undefined;
  let unsubscribe: string[] | undefined;
  let initialVersions: Map<string, string> | undefined;
  let nonce = "";
  let error: { message: string } | undefined;
  readFields(bytes, [0, bytes.length], (field, start, end) => {
    if (field === 1 && parts.node) node = decodeNode(bytes, inside(start, end));
    else if (field === 2) typeUrl = textAt(bytes, start, end);
    else if (field === 3) (subscribe ??= []).push(textAt(bytes, start, end));
    else if (field === 4) (unsubscribe ??= []).push(textAt(bytes, start, end));
    else if (field === 5) addEntry((initialVersions ??= new Map()), bytes, inside(start, end));
    else if (field === 6) nonce = textAt(bytes, start, end);
    else if (field === 7) error = decodeStatus(bytes, inside(start, end));
  });
  return {
    node,
    typeUrl,
    subscribe: subscribe ?? none,
    unsubscribe: unsubscribe ?? none,
    initialVersions: initialVersions ?? noVersions,
    nonce,
    error,
  };
}

/** Throws a RangeError when the bytes are not such a message. */
export function decodeSotwRequest(message: Uint8Array, parts: RequestParts = allParts): SotwRequest {
  const bytes = asBuffer(message);
  const list: NameList = { begin: 0, firstEnd: 0, end: 0, isOver: false, isScattered: false };
  let node: ProxyNode | undefined;
  let typeUrl = "";
  let nonce = "";
  let error: { message: string } | undefined;
  readFields(bytes, [0, bytes.length], (field, start, end) => {
    if (field === 3) extendList(list, inside(start, end));
    else if (list.end > 0) list.isOver = true;
    if (field === 2 && parts.node) node = decodeNode(bytes, inside(start, end));
    else if (field === 4) typeUrl = textAt(bytes, start, end);
    else if (field === 5) nonce = textAt(bytes, start, end);
    else if (field === 6) error = decodeStatus(bytes, inside(start, end));
  });
  return {
    node,
    typeUrl,
    get names() {
      return decodeNames(bytes);
    },
    listing: listingOf(bytes, list),
    nonce,
    error,
  };
}

/** Where the names lie: from the first to the last, with no other field in between unless they are scattered. */
interface NameList {
  begin: number;
  firstEnd: number;
  end: number;
  isOver: boolean;
  isScattered: boolean;
}

function extendList(list: NameList, [start, end]: readonly [number, number]): void {
  if (list.end === 0) {
    list.begin = start;
    list.firstEnd = end;
  }
  list.end = end;
  if (list.isOver) list.isScattered = true;
}

/** With the length of the first name, which stands before the bytes, these can be read in one way only. */
function listingOf(bytes: Buffer, { begin, firstEnd, end, isScattered }: NameList): string | undefined {
  if (end === 0) return "";
  return isScattered ? undefined : `${firstEnd - begin} ${contentHash(bytes.subarray(begin, end))}`;
}

function decodeNames(bytes: Buffer): readonly string[] {
  const names: string[] = [];
  readFields(bytes, [0, bytes.length], (field, start, end) => {
    if (field === 3) names.push(textAt(bytes, start, end));
  });
  return names;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** google.rpc.Status */
function decodeStatus(bytes: Buffer, range: readonly [number, number]): { message: string } {
  const status = { message: "" };
  readFields(bytes, range, (field, start, end) => {
    if (field === 2) status.message = textAt(bytes, start, end);
  });
  return status;
}

/** An entry of a map from text to text. */
function addEntry(map: Map<string, string>, bytes: Buffer, range: readonly [number, number]): void {
  let key = "";
  let value = "";
  readFields(bytes, range, (field, start, end) => {
    if (field === 1) key = textAt(bytes, start, end);
    else if (field === 2) value = textAt(bytes, start, end);
  });
  map.set(key, value);
}
