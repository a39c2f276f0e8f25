import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that the system gives to whoever asks for any, connections included. */
const range = { from: 10_000, to: 30_000 };

/** A free port of 127.0.0.1 for what ends and is to be found there again: nobody who takes any free one gets it meanwhile. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = randomInt(range.from, range.to);
    const probe = createServer();
    probe.listen(port, "127.0.0.1");
    const isFree = await once(probe, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    await once(probe.close(), "close");
    return port;
  }
}
