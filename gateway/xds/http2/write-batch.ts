export interface Writer {
  flush(): void;
}

/** All that is written to a connection in one turn of the event loop goes out at the turn's end, at once. One batch serves all connections. */
export interface WriteBatch {
  /** Flushes the writer at the end of the turn. */
  add(writer: Writer): void;
}

export function createWriteBatch(): WriteBatch {
  let writers: Writer[] = [];
  const flush = (): void => {
    const due = writers;
    writers = [];
    for (const writer of due) writer.flush();
  };
  return {
    add(writer) {
      if (writers.length === 0) process.nextTick(flush);
      writers.push(writer);
    },
  };
}
