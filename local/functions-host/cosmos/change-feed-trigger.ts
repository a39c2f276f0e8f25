import { ChangeFeedStartFrom, type Container, type CosmosClient, type FeedRange } from "@azure/cosmos";
import { z } from "zod";
import { jsonData } from "../app/typed-data.ts";
import { findConnection } from "../app-settings.ts";
import { FunctionsHostError, firstLine } from "../functions-host-error.ts";
import { runWithRetries, waitOrAbort } from "../run-with-retries.ts";
import type { RunningTrigger, TriggerContext } from "../running-trigger.ts";
import { acquireLease, createOwner, type Lease } from "./leases.ts";
import { openCosmosClient } from "./open-cosmos-client.ts";

export const cosmosTriggerSchema = z.looseObject({
  connection: z.string(),
  databaseName: z.string(),
  containerName: z.string(),
  leaseConnection: z.string().optional(),
  leaseDatabaseName: z.string().optional(),
  leaseContainerName: z.string().optional(),
  leaseContainerPrefix: z.string().optional(),
  createLeaseContainerIfNotExists: z.boolean().optional(),
  leaseExpirationInterval: z.number().optional(),
  leaseRenewInterval: z.number().optional(),
  leaseAcquireInterval: z.number().optional(),
  feedPollDelay: z.number().optional(),
  maxItemsPerInvocation: z.number().optional(),
  startFromBeginning: z.boolean().optional(),
  startFromTime: z.string().optional(),
});

type CosmosTrigger = z.infer<typeof cosmosTriggerSchema>;

/** Milliseconds, as on the platform. */
const defaults = {
  feedPollDelay: 5000,
  leaseAcquireInterval: 13_000,
  leaseRenewInterval: 17_000,
  leaseExpirationInterval: 60_000,
};

/** Milliseconds between attempts on an account or container that is not there: the first and the longest pause. */
const openPause = { first: 100, longest: 2000 };

/** The clients of one Cosmos trigger. */
export interface CosmosClients {
  readonly monitored: CosmosClient;
  readonly leases: CosmosClient;
}

/** @throws {FunctionsHostError} when a connection is missing or cannot be used, or the start is given twice. */
export function openClients(context: TriggerContext): CosmosClients {
  const trigger = cosmosTriggerSchema.parse(context.binding);
  if (trigger.startFromTime !== undefined && trigger.startFromBeginning === true) {
    const message = `${context.function.metadata.name}: only one of startFromBeginning and startFromTime can be used.`;
    throw new FunctionsHostError("function-invalid", message);
  }
  const monitored = openCosmosClient(findConnection(trigger.connection, "accountEndpoint", context.settings));
  if (trigger.leaseConnection === undefined) return { monitored, leases: monitored };
  return {
    monitored,
    leases: openCosmosClient(findConnection(trigger.leaseConnection, "accountEndpoint", context.settings)),
  };
}

/**
 * Runs a function on the changes of a container, read with the unmodified SDK: one loop and one lease document a range, polls
 * every `feedPollDelay`, and moves on after a page whether the function succeeded or not (spec/azure.md §6.4). Containers that
 * are not there yet are waited for.
 */
export function startChangeFeedTrigger(context: TriggerContext, clients: CosmosClients): RunningTrigger {
  const running = watch(context, clients).catch((thrown: unknown) => {
    context.log("error", `the change feed trigger ended: ${firstLine(thrown)}`);
  });
  return {
    async [Symbol.asyncDispose]() {
      await running;
      for (const client of new Set([clients.monitored, clients.leases])) client.dispose();
    },
  };
}

interface WatchedRange {
  readonly trigger: CosmosTrigger;
  readonly monitored: Container;
  readonly leases: Container;
  readonly range: FeedRange;
  readonly leaseId: string;
  readonly owner: string;
}

async function watch(context: TriggerContext, clients: CosmosClients): Promise<void> {
  const ranges = await untilItWorks(context, () => findRanges(context, clients));
  await Promise.all((ranges ?? []).map((range) => watchRange(context, range)));
}

async function findRanges(context: TriggerContext, clients: CosmosClients): Promise<readonly WatchedRange[]> {
  const trigger = cosmosTriggerSchema.parse(context.binding);
  const monitored = clients.monitored.database(trigger.databaseName).container(trigger.containerName);
  const leaseDatabase = clients.leases.database(trigger.leaseDatabaseName ?? trigger.databaseName);
  const leaseName = trigger.leaseContainerName ?? "leases";
  if (trigger.createLeaseContainerIfNotExists === true) {
    await leaseDatabase.containers.createIfNotExists({ id: leaseName, partitionKey: "/id" });
  }
  const leases = leaseDatabase.container(leaseName);
  await leases.read();
  const { resource } = await monitored.read();
  const owner = createOwner();
  const ranges = await monitored.getFeedRanges();
  return ranges.map((range) => ({
    trigger,
    monitored,
    leases,
    range,
    owner,
    leaseId: `${trigger.leaseContainerPrefix ?? ""}${trigger.databaseName}_${resource?._rid ?? ""}..${range.minInclusive || "0"}`,
  }));
}

/** Repeats until it succeeds or the host stops. */
async function untilItWorks<T>(context: TriggerContext, work: () => Promise<T>): Promise<T | undefined> {
  let pause = openPause.first;
  while (!context.signal.aborted) {
    try {
      return await work();
    } catch (thrown) {
      context.log("warning", `${firstLine(thrown)}; trying again in ${pause} ms`);
      await waitOrAbort(pause, context.signal);
      pause = Math.min(openPause.longest, pause * 2);
    }
  }
  return undefined;
}

/** Holds the range's lease as long as it can, and waits for it while another has it. */
async function watchRange(context: TriggerContext, watched: WatchedRange): Promise<void> {
  const { trigger, leases, leaseId, owner } = watched;
  const expiresAfter = trigger.leaseExpirationInterval ?? defaults.leaseExpirationInterval;
  while (!context.signal.aborted) {
    const options = { container: leases, id: leaseId, owner, expiresAfter, now: Date.now };
    const lease = await untilItWorks(context, () => acquireLease(options));
    if (lease === undefined) {
      await waitOrAbort(trigger.leaseAcquireInterval ?? defaults.leaseAcquireInterval, context.signal);
      continue;
    }
    try {
      const held = await followRange(context, watched, lease);
      if (held) await lease.release();
    } catch (thrown) {
      context.log("warning", `change feed of ${trigger.containerName}: ${firstLine(thrown)}`);
      await waitOrAbort(openPause.longest, context.signal);
    }
  }
}

/** Reads pages until the host stops (`true`) or another host took the lease (`false`). */
async function followRange(context: TriggerContext, watched: WatchedRange, lease: Lease): Promise<boolean> {
  const { trigger } = watched;
  const renewEvery = trigger.leaseRenewInterval ?? defaults.leaseRenewInterval;
  const iterator = watched.monitored.items.getChangeFeedIterator({
    changeFeedStartFrom: toStart(watched, lease.continuation),
    ...(trigger.maxItemsPerInvocation === undefined ? {} : { maxItemCount: trigger.maxItemsPerInvocation }),
  });
  let place = lease.continuation;
  let renewed = Date.now();
  while (!context.signal.aborted) {
    const page = await iterator.readNext();
    const changes: readonly unknown[] = page.result ?? [];
    if (changes.length > 0) await runFunction(context, changes);
    if (context.signal.aborted) break;
    const moved = changes.length > 0 || place === undefined;
    if (moved || Date.now() - renewed >= renewEvery) {
      if (!(await lease.keep(page.continuationToken))) return false;
      place = page.continuationToken;
      renewed = Date.now();
    }
    if (changes.length === 0) await waitOrAbort(trigger.feedPollDelay ?? defaults.feedPollDelay, context.signal);
  }
  return true;
}

function toStart({ trigger, range }: WatchedRange, continuation: string | undefined): ChangeFeedStartFrom {
  if (continuation !== undefined) return ChangeFeedStartFrom.Continuation(continuation);
  if (trigger.startFromBeginning === true) return ChangeFeedStartFrom.Beginning(range);
  if (trigger.startFromTime !== undefined) return ChangeFeedStartFrom.Time(new Date(trigger.startFromTime), range);
  return ChangeFeedStartFrom.Now(range);
}

async function runFunction(context: TriggerContext, changes: readonly unknown[]): Promise<void> {
  await runWithRetries({
    policy: context.policy,
    signal: context.signal,
    wait: waitOrAbort,
    attempt: (retry) => context.invoke(jsonData(changes), {}, retry),
    onFailure: (thrown, left) =>
      context.log(
        "error",
        `${changes.length} changes: ${firstLine(thrown)}; ${left > 0 ? `${left} retries left` : "going on after them"}`,
      ),
  });
}
