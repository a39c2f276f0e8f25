import { Agent } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { openConnection, sendRequest } from "./clients.ts";
import type { LoadCommand, LoadTally } from "./commands.ts";

export interface Load {
  readonly tally: () => LoadTally;
  /** Resolves when the last request has ended. */
  readonly stop: () => Promise<LoadTally>;
}

/** Failures that are kept as text; all are counted. */
const keptFailures = 30;

/** The same request again and again by some workers, each with a connection of its own where connections are kept. */
export function startLoad({ request, workers, pauseMs }: LoadCommand): Load {
  const byServer: Record<string, number> = {};
  const failures: string[] = [];
  let total = 0;
  let failed = 0;
  const stop = new AbortController();
  const fail = (what: string): void => {
    failed += 1;
    if (failures.length < keptFailures) failures.push(`${new Date().toISOString()} ${what}`);
  };
  const once = async (agent: Agent | false): Promise<void> => {
    if (request.kind === "http") {
      const { status, body, headers, error } = await sendRequest(request, agent);
      const server = headers["x-server"];
      if (status === 200 && server !== undefined) byServer[server] = (byServer[server] ?? 0) + 1;
      else fail(`${status} ${error ?? body.slice(0, 200)}`);
    } else {
      const { received, end } = await openConnection(request);
      const server = /^(?:greeting from )?([\w-]+)/.exec(received)?.[1];
      if (end === "answered" && server !== undefined) byServer[server] = (byServer[server] ?? 0) + 1;
      else fail(`${end} ${received.slice(0, 200)}`);
    }
    total += 1;
  };
  const work = async (): Promise<void> => {
    const agent =
      request.kind === "http" && request.keepAlive === true ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    while (!stop.signal.aborted) {
      await once(agent);
      await pause(pauseMs);
    }
    if (agent !== false) agent.destroy();
  };
  const running = Promise.all(Array.from({ length: workers }, work));
  const tally = (): LoadTally => ({ total, byServer, failures, failed });
  return {
    tally,
    async stop() {
      stop.abort();
      await running;
      return tally();
    },
  };
}
