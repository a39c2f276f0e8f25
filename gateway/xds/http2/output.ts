/** What a connection needs of its socket. */
export interface Wire {
  write(bytes: Buffer): boolean;
  cork(): void;
  uncork(): void;
  end(): void;
  destroy(): void;
  readonly remoteAddress?: string | undefined;
  /** The socket has more than it likes. */
  readonly writableNeedDrain: boolean;
}

/** How much may wait to be written in one turn of the event loop before messages queue. */
const turnBytes = 512 * 1024;

/** The bytes that a connection is about to write: gathered until the turn's end, so that they are one call of the kernel. */
export class Output {
  readonly #wire: Wire;
  #parts: Buffer[] | undefined;
  #bytes = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
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
    return this.#bytes < turnBytes && !this.#wire.writableNeedDrain;
  }

  flush(): void {
    const parts = this.#parts;
    if (parts === undefined) return;
    this.#parts = undefined;
    this.#bytes = 0;
    const [first] = parts;
    if (parts.length === 1 && first !== undefined) {
      this.#wire.write(first);
      return;
    }
    this.#wire.cork();
    for (const bytes of parts) this.#wire.write(bytes);
    this.#wire.uncork();
  }
}
