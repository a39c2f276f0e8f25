import type { PartitionKey, PartitionKeyComponent } from "./partition-key.ts";

const mask64 = (1n << 64n) - 1n;
const c1 = 0x87c37b91114253d5n;
const c2 = 0x4cf5ad432745937fn;

/**
 * The place of a partition key on the hash ring (version 2 keys), as upper-case hex: what `minInclusive` and
 * `maxExclusive` of a range are compared with. Hierarchical keys are the hashes of their components in a row, so a
 * prefix of the key is a prefix of the text.
 */
export function effectivePartitionKey(key: PartitionKey): string {
  return key.map((component) => hashComponent(component)).join("");
}

function hashComponent(component: PartitionKeyComponent): string {
  const hash = murmur128(encodeComponent(component));
  hash.writeUInt8(hash.readUInt8(0) & 0x3f, 0);
  return hash.toString("hex").toUpperCase();
}

function encodeComponent(component: PartitionKeyComponent): Buffer {
  if (component === undefined) return Buffer.from([0x00]);
  if (component === null) return Buffer.from([0x01]);
  if (typeof component === "boolean") return Buffer.from([component ? 0x03 : 0x02]);
  if (typeof component === "string")
    return Buffer.concat([Buffer.from([0x08]), Buffer.from(component), Buffer.from([0xff])]);
  const number = Buffer.alloc(9);
  number.writeUInt8(0x05, 0);
  number.writeDoubleLE(component, 1);
  return number;
}

/** MurmurHash3, x64, 128 bits, seed 0; most significant byte first. */
function murmur128(bytes: Buffer): Buffer {
  const padded = Buffer.concat([bytes, Buffer.alloc((16 - (bytes.length % 16)) % 16)]);
  const fullBlocks = Math.floor(bytes.length / 16);
  let h1 = 0n;
  let h2 = 0n;
  for (let block = 0; block * 16 < padded.length; block += 1) {
    const k1 = mix(padded.readBigUInt64LE(block * 16), { first: c1, rotation: 31n, second: c2 });
    const k2 = mix(padded.readBigUInt64LE(block * 16 + 8), { first: c2, rotation: 33n, second: c1 });
    h1 ^= k1;
    if (block >= fullBlocks) {
      h2 ^= k2;
      break;
    }
    h1 = (((rotate(h1, 27n) + h2) & mask64) * 5n + 0x52dce729n) & mask64;
    h2 ^= k2;
    h2 = (((rotate(h2, 31n) + h1) & mask64) * 5n + 0x38495ab5n) & mask64;
  }
  const length = BigInt(bytes.length);
  h1 = ((h1 ^ length) + (h2 ^ length)) & mask64;
  h2 = ((h2 ^ length) + h1) & mask64;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 = (h1 + h2) & mask64;
  h2 = (h2 + h1) & mask64;
  const hash = Buffer.alloc(16);
  hash.writeBigUInt64BE(h2, 0);
  hash.writeBigUInt64BE(h1, 8);
  return hash;
}

function mix(
  value: bigint,
  by: { readonly first: bigint; readonly rotation: bigint; readonly second: bigint },
): bigint {
  return (rotate((value * by.first) & mask64, by.rotation) * by.second) & mask64;
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & mask64;
}

function finish(hash: bigint): bigint {
  const once = ((hash ^ (hash >> 33n)) * 0xff51afd7ed558ccdn) & mask64;
  const twice = ((once ^ (once >> 33n)) * 0xc4ceb9fe1a85ec53n) & mask64;
  return twice ^ (twice >> 33n);
}
