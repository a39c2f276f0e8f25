/** The app of the tests: one function of every kind, which tell what they got through a diagnostics channel. */
import { channel, subscribe } from "node:diagnostics_channel";
import { ReadableStream } from "node:stream/web";
import { app, type HttpResponseInit, type InvocationContext, output } from "@azure/functions";

/** What a handler saw, as the tests receive it. */
export interface Seen {
  readonly functionName: string;
  readonly phase: "begin" | "end";
  readonly input: unknown;
  readonly metadata: Record<string, unknown> | undefined;
  readonly retryCount: number;
  readonly at: number;
}

const seen = channel("functions-host-test-app");

function tell(phase: Seen["phase"], input: unknown, context: InvocationContext): void {
  seen.publish({
    functionName: context.functionName,
    phase,
    input,
    metadata: context.triggerMetadata,
    retryCount: context.retryContext?.retryCount ?? 0,
    at: performance.now(),
  } satisfies Seen);
}

/** Orders that an event may carry for its handler. */
function orders(input: unknown): Record<string, unknown> {
  const first: unknown = Array.isArray(input) ? input[0] : input;
  return typeof first === "object" && first !== null ? { ...first } : {};
}

const released = new Set<unknown>();
let changed = Promise.withResolvers<void>();
subscribe("functions-host-test-app-release", (name) => {
  released.add(name);
  changed.resolve();
  changed = Promise.withResolvers();
});

/** Resolves when the test says so, or at once when it has said so already. */
async function untilReleased(name: unknown): Promise<void> {
  while (!released.has(name)) await changed.promise;
}

async function handle(input: unknown, context: InvocationContext): Promise<void> {
  tell("begin", input, context);
  const { holdUntil, failTimes } = orders(input);
  if (holdUntil !== undefined) await untilReleased(holdUntil);
  if (typeof failTimes === "number" && (context.retryContext?.retryCount ?? 0) < failTimes) {
    throw new Error(`ordered to fail ${failTimes} times`);
  }
  tell("end", input, context);
}

const encoder = new TextEncoder();

/** Server-sent events: one at once, one when the test says so. */
async function* twoEvents(until: string | null): AsyncGenerator<Uint8Array> {
  yield encoder.encode("data: first\n\n");
  await untilReleased(until);
  yield encoder.encode("data: second\n\n");
}

const hub = { connection: "HUB", eventHubName: "%HUB_NAME%" } as const;

app.setup({ enableHttpStream: process.env["STREAM"] === "true" });
app.eventHub("batches", {
  ...hub,
  cardinality: "many",
  retry: { strategy: "fixedDelay", delayInterval: 400, maxRetryCount: 2 },
  handler: handle,
});
app.eventHub("singles", { ...hub, consumerGroup: "singles", cardinality: "one", handler: handle });
app.timer("clock", { schedule: "%SCHEDULE%", runOnStartup: true, handler: handle });
app.cosmosDB("changes", {
  connection: "STORE",
  databaseName: "weft",
  containerName: "documents",
  leaseContainerName: "leases",
  feedPollDelay: 50,
  startFromBeginning: true,
  handler: handle,
});
app.http("echo", {
  route: "echo/{name}/{*rest}",
  methods: ["GET", "POST"],
  authLevel: "anonymous",
  handler: async (request) => ({
    status: 201,
    headers: { "x-method": request.method },
    cookies: [{ name: "seen", value: "1", path: "/" }],
    jsonBody: { params: request.params, query: Object.fromEntries(request.query), text: await request.text() },
  }),
});
app.http("secret", { methods: ["GET"], authLevel: "function", handler: async () => ({ body: "open" }) });
app.http("nothing", { authLevel: "anonymous", handler: () => undefined as unknown as HttpResponseInit });
app.http("broken", {
  authLevel: "anonymous",
  handler: async () => {
    throw new Error("broken on purpose");
  },
});
const toHub = output.eventHub(hub);
const toStore = output.cosmosDB({ connection: "STORE", databaseName: "weft", containerName: "documents" });
app.http("emit", {
  authLevel: "anonymous",
  extraOutputs: [toHub, toStore],
  handler: async (request, context) => {
    const n = Number(request.query.get("n"));
    context.extraOutputs.set(toHub, [{ n }, { n: n + 1 }]);
    context.extraOutputs.set(toStore, { id: `emitted-${n}` });
    return { status: 202 };
  },
});
app.http("late", {
  authLevel: "anonymous",
  handler: async () => {
    try {
      app.http("tooLate", { handler: async () => ({}) });
      return { body: "registered" };
    } catch (error) {
      return { body: String(error) };
    }
  },
});
app.http("stream", {
  authLevel: "anonymous",
  handler: async (request) => ({
    headers: { "content-type": "text/event-stream" },
    body: ReadableStream.from(twoEvents(request.query.get("until"))),
  }),
});
