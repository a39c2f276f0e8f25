/** How many bits the code of each byte has, and (last) that of the end (RFC 7541 appendix B). The code is canonical, so the lengths say all of it. */
// biome-ignore format: sixteen a row
const codeLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const endOfString = 256;

/**
 * The code as a tree: at 2n and 2n + 1 is where node n leads with a 0 and a 1: to a node, or, below zero, to the symbol -1 - x.
 */
const tree: Int16Array = growTree();

function growTree(): Int16Array {
  const order = codeLengths.map((length, symbol) => ({ length, symbol }));
  order.sort((left, right) => left.length - right.length || left.symbol - right.symbol);
  const branches = new Int16Array(2 * codeLengths.length);
  let nodes = 1;
  let code = 0;
  let before = order[0]?.length ?? 0;
  for (const { length, symbol } of order) {
    code *= 2 ** (length - before);
    before = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit -= 1) {
      const branch = 2 * node + ((code >>> bit) & 1);
      if (branches[branch] === 0) {
        branches[branch] = nodes;
        nodes += 1;
      }
      node = branches[branch] ?? 0;
    }
    branches[2 * node + (code & 1)] = -1 - symbol;
    code += 1;
  }
  return branches;
}

/** A coded string, one character a byte. Undefined when the code is not valid: it holds the end, or is padded otherwise than RFC 7541 §5.2 says. */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  // No code has fewer than five bits.
  const text = Buffer.allocUnsafe(Math.floor((bytes.length * 8) / 5));
  let length = 0;
  let node = 0;
  let bitsOfNode = 0;
  let onlyOnes = true;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const value = (byte >>> bit) & 1;
      const next = tree[2 * node + value] ?? 0;
      if (next >= 0) {
        node = next;
        bitsOfNode += 1;
        onlyOnes &&= value === 1;
        continue;
      }
      const symbol = -1 - next;
      if (symbol === endOfString) return undefined;
      text[length] = symbol;
      length += 1;
      node = 0;
      bitsOfNode = 0;
      onlyOnes = true;
    }
  }
  return bitsOfNode > 7 || !onlyOnes ? undefined : text.toString("latin1", 0, length);
}
