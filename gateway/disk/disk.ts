/** A folder of a gateway's own. Nobody else writes there. */
export interface Disk {
  /** Undefined when there is no such file. */
  read(file: string): Promise<Buffer | undefined>;
  /** Bytes from `start` up to `end`, fewer when the file is shorter; undefined when there is none. */
  readPart(file: string, part: { readonly start: number; readonly end: number }): Promise<Buffer | undefined>;
  /**
   * Replaces a file as a whole: whoever reads it, also after a crash or a loss of power, finds all of the old one or all of the new one; the new one once this
   * has ended. Rejects when it cannot be written; then the old one is still there.
   */
  replace(file: string, content: string | Uint8Array): Promise<void>;
  /** After a crash the file may be there again. */
  remove(file: string): Promise<void>;
  /** Names of the files here, in no order; among them may be some that were being written when a process died. */
  files(): Promise<readonly string[]>;
  within(folder: string): Disk;
}
