import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that answers, until it is disposed: then its connections end with it. */
export interface ListeningServer extends AsyncDisposable {
  readonly port: number;
}

/** `host` undefined: every address; `port` 0: any that is free. Rejects when it cannot be had. */
export async function listen(
  server: Server,
  { host, port }: { readonly host?: string; readonly port: number },
): Promise<ListeningServer> {
  server.listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
