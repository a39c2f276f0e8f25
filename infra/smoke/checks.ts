import { performance } from "node:perf_hooks";
import { CosmosClient } from "@azure/cosmos";
import { EventHubConsumerClient, EventHubProducerClient, latestEventPosition } from "@azure/event-hubs";
import { createCosmosDocumentStore } from "../../shared/adapters/azure/cosmos.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import type { Change } from "../../shared/store/documents.ts";
import type { Role, SmokeSettings } from "./settings.ts";

/** What a check found. `wrong`: the subscription is not as Weft needs it. */
export interface Finding {
  readonly what: string;
  readonly state: "ok" | "wrong" | "skipped";
  readonly detail: string;
}

/** Who may do what (design.md §3, §4): rights end at the hub and at the store, and this is where one sees that they do. */
const rights = {
  "send to mesh-events": ["gateway"],
  "send to mesh-reports": ["gateway"],
  "send to mesh-snapshots": ["functions"],
  "receive from mesh-events": ["functions"],
  "receive from mesh-reports": ["functions"],
  "receive from mesh-snapshots": ["gateway"],
  "read documents": ["gateway", "functions"],
  "write documents": ["functions"],
} as const satisfies Record<string, readonly Role[]>;

type Right = keyof typeof rights;

/** A message that nobody can take for an event: ingest drops and counts it. */
const nothing = { body: { smoke: true } };
const receiveLimit = 5_000;

export async function checkAll(settings: SmokeSettings): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const hub of ["mesh-events", "mesh-reports", "mesh-snapshots"] as const) {
    findings.push(await checkRight(settings, `send to ${hub}`, () => sendTo(settings, hub)));
    findings.push(await checkRight(settings, `receive from ${hub}`, () => receiveFrom(settings, hub)));
  }
  const documents = createCosmosDocumentStore({ connection: settings.cosmos, database: settings.database });
  const cluster = "smoke-test";
  findings.push(await checkRight(settings, "read documents", () => documents.get("clusters", cluster, "head")));
  findings.push(
    await checkRight(settings, "write documents", () =>
      documents.put("rejected", { id: "smoke", partition: cluster, body: {}, ttl: 60 }),
    ),
  );
  findings.push(await measureRequestUnits(settings), await measureChanges(documents));
  findings.push(await measureStart(settings.functionsUrl));
  return findings;
}

/** What is allowed must go, and what is not must be refused as such: a fault of the network proves nothing. */
async function checkRight({ role }: SmokeSettings, right: Right, attempt: () => Promise<unknown>): Promise<Finding> {
  const allowed = role === "owner" || (rights[right] as readonly Role[]).includes(role);
  try {
    await attempt();
    return {
      what: right,
      state: allowed ? "ok" : "wrong",
      detail: allowed ? "allowed" : `${role} must not be allowed`,
    };
  } catch (error) {
    const text = messageOf(error);
    const refused = /unauthori[sz]ed|forbidden|\b40[13]\b|claim|not permitted/i.test(text);
    return { what: right, state: refused && !allowed ? "ok" : "wrong", detail: text };
  }
}

async function sendTo({ hubs }: SmokeSettings, hub: string): Promise<void> {
  const client =
    "connectionString" in hubs
      ? new EventHubProducerClient(hubs.connectionString, hub)
      : new EventHubProducerClient(hubs.namespace, hub, hubs.credential);
  try {
    await client.sendBatch([nothing], { abortSignal: AbortSignal.timeout(receiveLimit) });
  } finally {
    await client.close();
  }
}

/** An open receiver without an error for a while. */
async function receiveFrom({ hubs }: SmokeSettings, hub: string): Promise<void> {
  const group = "$Default";
  const client =
    "connectionString" in hubs
      ? new EventHubConsumerClient(group, hubs.connectionString, hub)
      : new EventHubConsumerClient(group, hubs.namespace, hub, hubs.credential);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const subscription = client.subscribe(
    { processEvents: async () => resolve(), processError: async (error) => reject(error) },
    { startPosition: latestEventPosition, maxWaitTimeInSeconds: 1 },
  );
  try {
    await promise;
  } finally {
    await subscription.close();
    await client.close();
  }
}

/** The charge of the read that every gateway does every 5 s: one RU, if the head is as small as it should be. */
async function measureRequestUnits({ cosmos, database }: SmokeSettings): Promise<Finding> {
  const what = "request units of a point read";
  if ("connectionString" in cosmos) return { what, state: "skipped", detail: "needs an account by name (identity)" };
  const client = new CosmosClient({ endpoint: cosmos.endpoint, aadCredentials: cosmos.credential });
  try {
    const container = client.database(database).container("clusters");
    const heads = await container.items
      .query<{ readonly cluster: string }>("SELECT * FROM c WHERE c.id = 'head'")
      .fetchAll();
    const [head] = heads.resources;
    if (head === undefined) return { what, state: "skipped", detail: "no cluster has joined" };
    const { requestCharge } = await container.item("head", head.cluster).read();
    const detail = `${requestCharge} RU, query ${heads.requestCharge} RU`;
    return { what, state: requestCharge <= 1.5 ? "ok" : "wrong", detail };
  } catch (error) {
    return { what, state: "wrong", detail: messageOf(error) };
  } finally {
    client.dispose();
  }
}

/** From the timelines of real changes: what the hub, the functions and the store take, seen → published → first acknowledgement. */
async function measureChanges(documents: DocumentStore): Promise<Finding> {
  const what = "the newest changes, from seen to published and acknowledged";
  try {
    const clusters = await documents.partitionsWith("clusters", "head");
    const lists = await Promise.all(
      clusters.map((cluster) => documents.list<Change>("changes", cluster, { prefix: "change:", limit: 50 })),
    );
    const changes = lists.flat();
    const published = changes.flatMap(({ causes, stages }) =>
      between(causes[0]?.time, stages.find(({ stage }) => stage === "published")?.time),
    );
    const acknowledged = changes.flatMap(({ causes, acknowledged: totals }) => between(causes[0]?.time, totals?.first));
    if (published.length === 0) return { what, state: "skipped", detail: "no changes yet: apply something" };
    return { what, state: "ok", detail: `published ${spread(published)}; first acknowledged ${spread(acknowledged)}` };
  } catch (error) {
    return { what, state: "wrong", detail: messageOf(error) };
  }
}

/** Run it after a quarter of an hour of silence to see a cold start. */
async function measureStart(functionsUrl: string | undefined): Promise<Finding> {
  const what = "first and second answer of the functions";
  if (functionsUrl === undefined) return { what, state: "skipped", detail: "set WEFT_FUNCTIONS_URL" };
  const times: number[] = [];
  for (let request = 0; request < 2; request++) {
    const begun = performance.now();
    try {
      const { status } = await fetch(new URL("/api/health", functionsUrl), { signal: AbortSignal.timeout(60_000) });
      if (status !== 200) return { what, state: "wrong", detail: `/api/health answered ${status}` };
    } catch (error) {
      return { what, state: "wrong", detail: messageOf(error) };
    }
    times.push(Math.round(performance.now() - begun));
  }
  return { what, state: "ok", detail: times.map((time) => `${time} ms`).join(", ") };
}

function between(from: string | undefined, to: string | undefined): readonly number[] {
  return from === undefined || to === undefined ? [] : [Date.parse(to) - Date.parse(from)];
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms of ${sorted.length}`;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
