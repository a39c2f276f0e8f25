import type { ViewResource } from "./view.ts";

/** The response is what its key says with these in it. */
export interface ResponseContent {
  readonly key: string;
  readonly resources: readonly ViewResource[];
  readonly removed: readonly string[];
}

/** Streams in the same position send the same: then also the same Buffer object, which is encoded, and framed, once for all. */
export interface ResponseMemo {
  readonly bytesOf: (content: ResponseContent, encode: () => Buffer) => Buffer;
}

interface Known extends ResponseContent {
  readonly bytes: Buffer;
}

/** `limit`: bytes that are kept at most; what was made first goes first. */
export function createResponseMemo(limit: number): ResponseMemo {
  const responses = new Map<string, Known[]>();
  let size = 0;
  const makeRoom = (): void => {
    for (const [key, some] of responses) {
      if (size <= limit) return;
      responses.delete(key);
      for (const { bytes } of some) size -= sizeOf(bytes);
    }
  };
  return {
    bytesOf(content, encode) {
      const known = responses.get(content.key);
      const same = known?.find((one) => isSame(one, content));
      if (same !== undefined) return same.bytes;
      const bytes = encode();
      if (sizeOf(bytes) > limit) return bytes;
      if (known === undefined) responses.set(content.key, [{ ...content, bytes }]);
      else known.push({ ...content, bytes });
      size += sizeOf(bytes);
      if (size > limit) makeRoom();
      return bytes;
    },
  };
}

/** With what is kept besides. */
function sizeOf(bytes: Buffer): number {
  return bytes.length + 500;
}

/** Names and versions are content: the version of a resource is the hash of its bytes. */
function isSame(one: ResponseContent, other: ResponseContent): boolean {
  if (one.resources.length !== other.resources.length || one.removed.length !== other.removed.length) return false;
  return (
    one.resources.every((resource, index) => isSameResource(resource, other.resources[index])) &&
    one.removed.every((name, index) => name === other.removed[index])
  );
}

function isSameResource(one: ViewResource, other: ViewResource | undefined): boolean {
  return one === other || (one.version === other?.version && one.name === other.name);
}
