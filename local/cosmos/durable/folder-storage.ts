import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { lockFolder } from "../../folder-lock.ts";
import type { AccountRecord, Storage } from "../store/account.ts";
import { ridFileName } from "../store/resource-id.ts";
import { type ContainerFiles, openContainerFiles } from "./container-files.ts";

/** Keeps an account in a folder: `account.json` and one folder a container, named by its rid. */
export interface FolderStorage extends Storage, AsyncDisposable {}

export interface FolderStorageOptions {
  readonly folder: string;
  /** Bytes; see `ContainerFilesOptions`. */
  readonly compactAfter?: number;
  /** ms since 1970. */
  readonly clock: () => number;
}

const defaultCompactAfter = 16 * 1024 * 1024;

/** Opens a folder, made when absent. @throws Error when another process uses it */
export function openFolderStorage(options: FolderStorageOptions): FolderStorage {
  const { folder, compactAfter = defaultCompactAfter, clock } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = lockFolder(folder);
  const accountPath = join(folder, "account.json");
  const opened: ContainerFiles[] = [];
  return {
    load() {
      return existsSync(accountPath) ? (JSON.parse(readFileSync(accountPath, "utf8")) as AccountRecord) : undefined;
    },
    save(record) {
      replaceFile(accountPath, JSON.stringify(record, undefined, 2));
    },
    open(data) {
      const container = join(folder, ridFileName(data.settings.rid));
      const files = openContainerFiles({ folder: container, data, compactAfter, clock });
      opened.push(files);
      return files;
    },
    async [Symbol.asyncDispose]() {
      for (const files of opened) await files.close();
      lock.release();
    },
  };
}

/** Replaces a file so that after a crash it is either the old one or the new one. */
function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  const descriptor = openSync(temporary, "w", 0o600);
  writeSync(descriptor, text);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(temporary, path);
}
