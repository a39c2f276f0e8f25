/** One thing at a time on the whole machine, across processes. */

import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const RETRY_MS = 25;

/**
 * Runs `work` while no other process runs work under the same name. The lock is an abstract Unix socket, so the kernel
 * frees it when its holder dies. Fails when the lock is not to be had within `waitMs`.
 */
export async function withMachineLock<T>(name: string, work: () => Promise<T>, waitMs = 120_000): Promise<T> {
  const deadline = Date.now() + waitMs;
  let release = await tryLock(name);
  while (release === undefined) {
    if (Date.now() > deadline) throw new Error(`another process holds the lock "${name}" for more than ${waitMs} ms`);
    await pause(RETRY_MS);
    release = await tryLock(name);
  }
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Undefined when somebody else holds it. */
async function tryLock(name: string): Promise<(() => Promise<void>) | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<(() => Promise<void>) | undefined>();
  const server = createServer((socket) => socket.destroy());
  server.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") resolve(undefined);
    else reject(error);
  });
  server.listen(`\0weft/${name}`, () =>
    resolve(() => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      return closed.promise;
    }),
  );
  return promise;
}
