/**
 * Loaded before a part's own program (`node --import`): standard input is a pipe from whoever started the part, and when that process is gone, however it
 * went, the pipe ends and so does the part.
 */
process.stdin.on("close", () => process.kill(process.pid, "SIGTERM"));
process.stdin.resume();
(process.stdin as typeof process.stdin & { unref(): void }).unref();

export {};
