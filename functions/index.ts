import { app } from "@azure/functions";
import { readEnvironment } from "../shared/shell/config/env.ts";
import { health } from "./api/health.ts";
import { pinHandlers } from "./api/pins.ts";
import { composeAzureParts, composeFunctions } from "./compose.ts";
import { readFunctionsConfig } from "./config.ts";
import { createDashboard } from "./dashboard/dashboard.ts";

const parts = composeAzureParts(readFunctionsConfig(readEnvironment()), {
  info: (message, details) => console.info(message, details ?? ""),
  warn: (message, details) => console.warn(message, details ?? ""),
});
const functions = composeFunctions(parts);
const pins = pinHandlers(functions.pins);
const dashboard = createDashboard(parts);

app.setup({ enableHttpStream: true });

// The table of contents: one registration a function.
app.eventHub("ingest-events", {
  connection: "EventHubs",
  eventHubName: "mesh-events",
  cardinality: "many",
  handler: (messages) => functions.ingestEvents(messages as readonly unknown[]),
});
app.eventHub("record-reports", {
  connection: "EventHubs",
  eventHubName: "mesh-reports",
  cardinality: "many",
  handler: (messages) => functions.recordReports(messages as readonly unknown[]),
});
app.cosmosDB("recompute-fleet", {
  connection: "Cosmos",
  databaseName: "%WEFT_DATABASE%",
  containerName: "policies",
  leaseContainerName: "leases",
  feedPollDelay: 1000,
  handler: () => functions.recomputeFleet(),
});
app.timer("sweep", { schedule: "*/30 * * * * *", handler: () => functions.sweep() });
app.timer("sweep-storage", { schedule: "0 17 * * * *", handler: () => functions.sweepStorage() });
app.http("health", { route: "health", methods: ["GET"], authLevel: "anonymous", handler: () => health(parts) });
for (const act of ["rollback", "freeze", "release"] as const)
  app.http(act, {
    route: `clusters/{cluster}/${act}`,
    methods: ["POST"],
    authLevel: "function",
    handler: (request) => pins[act](request),
  });
app.http("dashboard", {
  route: "dashboard",
  methods: ["GET"],
  authLevel: "anonymous",
  handler: (request) => dashboard.overview(request),
});
app.http("dashboard-cluster", {
  route: "dashboard/{cluster}",
  methods: ["GET"],
  authLevel: "anonymous",
  handler: (request) => dashboard.cluster(request),
});
app.http("dashboard-events", {
  route: "dashboard/{cluster}/events",
  methods: ["GET"],
  authLevel: "anonymous",
  handler: (request) => dashboard.events(request),
});
