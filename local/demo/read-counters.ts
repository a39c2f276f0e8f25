import type { AppCounters } from "../scenarios/bookstore/apps/counters.ts";
import { type KubernetesApi, unlessMissing } from "./apply-objects.ts";
import type { AppName, Column } from "./columns.ts";
import { columns } from "./columns.ts";

/** Undefined: there is no such pod. Throws when there is one and it does not answer. */
export type ReadCounters = (app: AppName) => Promise<AppCounters | undefined>;

const rawPort = 14_002;
const timeoutMs = 2_000;

interface PodAddress {
  readonly status?: { readonly podIP?: string };
}

/** Asks the apps at their pods' addresses, which this machine must have a route to. */
export function createCounterReader(client: KubernetesApi): ReadCounters {
  const addresses = new Map<AppName, string>();
  return async (app) => {
    const column = columns.find((candidate) => candidate.app === app);
    const address = addresses.get(app) ?? (column && (await addressOf(client, column)));
    if (address === undefined) return undefined;
    try {
      const response = await fetch(`http://${address}:${rawPort}/raw`, { signal: AbortSignal.timeout(timeoutMs) });
      const counters = (await response.json()) as AppCounters;
      addresses.set(app, address);
      return counters;
    } catch (error) {
      // It may have another address by now.
      addresses.delete(app);
      throw new Error(`${app} at ${address} does not tell its counters`, { cause: error });
    }
  };
}

async function addressOf(client: KubernetesApi, { app, namespace }: Column): Promise<string | undefined> {
  const pod = await unlessMissing(client.call<PodAddress>({ path: `/api/v1/namespaces/${namespace}/pods/${app}` }));
  if (pod !== undefined && pod.status?.podIP === undefined) throw new Error(`${app} has no address yet`);
  return pod?.status?.podIP;
}
