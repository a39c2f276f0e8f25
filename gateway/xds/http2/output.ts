import type { Writer } from "./write-batch.ts";

/** What a connection needs of its socket. */
export interface Wire {
  /** `written` is called when the socket has passed these bytes on. */
  write(bytes: Buffer, written?: () => void): boolean;
  cork(): void;
  uncork(): void;
  end(): void;
  destroy(): void;
  readonly remoteAddress?: string | undefined;
  /** The socket has more than it likes. */
  readonly writableNeedDrain: boolean;
}

/** How much may wait to be written before messages queue. */
const waitingBytes = 512 * 1024;

/** The bytes that a connection is about to write: gathered until the turn's end, so that they are one call of the kernel, or one for each piece. */
export class Output {
  readonly #wire: Wire;
  readonly #writer: Writer;
  readonly #pieceBytes: number;
  #parts: Buffer[] | undefined;
  #bytes = 0;
  #pieceUnderWay = false;

  /** `writer` is flushed when there is room for the next piece. */
  constructor(wire: Wire, { pieceBytes, writer }: { readonly pieceBytes: number; readonly writer: Writer }) {
    this.#wire = wire;
    this.#writer = writer;
    this.#pieceBytes = pieceBytes;
  }

  /** True for the first of a turn: somebody must flush. */
  add(bytes: Buffer): boolean {
    this.#bytes += bytes.length;
    if (this.#parts !== undefined) {
      this.#parts.push(bytes);
      return false;
    }
    this.#parts = [bytes];
    return true;
  }

  /** Room for messages; control frames do not ask. */
  get writable(): boolean {
    return this.#bytes < waitingBytes && !this.#wire.writableNeedDrain;
  }

  /** Between two turns: the peer does not take what there is. */
  get behind(): boolean {
    return this.#parts !== undefined || this.#wire.writableNeedDrain;
  }

  flush(): void {
    if (this.#parts === undefined || this.#pieceUnderWay) return;
    if (this.#bytes <= this.#pieceBytes) this.#write(this.#takeAll());
    else {
      this.#pieceUnderWay = true;
      this.#write(takePiece(this.#parts, this.#pieceBytes), this.#pieceWritten);
      this.#bytes -= this.#pieceBytes;
    }
  }

  /** All that waits is handed over, and the socket ends. */
  end(): void {
    this.#write(this.#takeAll());
    this.#wire.end();
  }

  readonly #pieceWritten = (): void => {
    this.#pieceUnderWay = false;
    this.#writer.flush();
  };

  #takeAll(): readonly Buffer[] {
    const parts = this.#parts ?? [];
    this.#parts = undefined;
    this.#bytes = 0;
    return parts;
  }

  #write(parts: readonly Buffer[], written?: () => void): void {
    const last = parts.length - 1;
    if (last > 0) this.#wire.cork();
    parts.forEach((bytes, index) => this.#wire.write(bytes, index === last ? written : undefined));
    if (last > 0) this.#wire.uncork();
  }
}

/** So many bytes of the beginning. */
function takePiece(parts: Buffer[], bytes: number): readonly Buffer[] {
  const piece: Buffer[] = [];
  for (let room = bytes; room > 0; ) {
    const first = parts.shift();
    if (first === undefined) break;
    piece.push(first.subarray(0, room));
    if (first.length > room) parts.unshift(first.subarray(room));
    room -= first.length;
  }
  return piece;
}
