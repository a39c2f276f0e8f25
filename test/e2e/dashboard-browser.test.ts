import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { EventHubProducerClient } from "@azure/event-hubs";
import { type Browser, chromium, type Page } from "playwright-core";
import { bookstore, mistakenTarget, splitOf, storeTarget } from "../../functions/dashboard/testdata/bookstore.ts";
import { bookstoreReport, createTestPublisher } from "../../functions/dashboard/testdata/publisher.ts";
import { containers } from "../../infra/containers.ts";
import { startCosmos } from "../../local/cosmos/start-cosmos.ts";
import { startEventHubs } from "../../local/event-hubs/start-event-hubs.ts";
import { type FunctionsHost, startFunctionsHost } from "../../local/functions-host/start-functions-host.ts";
import { createCosmosDocumentStore } from "../../shared/adapters/azure/cosmos.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import { joinCluster, readHead } from "../../shared/store/cluster-store.ts";
import { buildBundles } from "../../tools/build-bundles.ts";

/** The dashboard as a person sees it: the built app in the functions host, on the stand-ins, in a real browser. */

const timeout = 300_000;
const executablePath = "/usr/bin/chromium";
const skip = existsSync(executablePath) ? false : `there is no browser at ${executablePath}`;
const mesh = "weft";
const cluster = "local";
const root = resolve(import.meta.dirname, "../..");
const now = (): Date => new Date();

interface Stage {
  readonly life: AsyncDisposableStack;
  readonly host: FunctionsHost;
  readonly documents: DocumentStore;
  readonly browser: Browser;
  /** Puts messages into a hub, as the gateway does. */
  readonly send: (hub: "mesh-events" | "mesh-reports", messages: readonly object[]) => Promise<void>;
}

const publisher = createTestPublisher(mesh, cluster, now);
let stage: Stage | undefined;

before(
  async () => {
    if (skip === false) stage = await setStage();
  },
  { timeout },
);
after(() => stage?.life.disposeAsync());

function staged(): Stage {
  assert.ok(stage !== undefined);
  return stage;
}

async function setStage(): Promise<Stage> {
  await using life = new AsyncDisposableStack();
  const hub = (name: string) => ({ name, partitionCount: 1, consumerGroups: ["$Default"] });
  const hubs = life.use(
    await startEventHubs({ hubs: [hub("mesh-events"), hub("mesh-reports"), hub("mesh-snapshots")] }),
  );
  const cosmos = life.use(await startCosmos({ databases: [{ id: mesh, containers }] }));
  const { connectionString } = cosmos;
  const documents = createCosmosDocumentStore({ connection: { connectionString }, database: mesh });
  await joinCluster(documents, cluster, publisher.key);
  await buildBundles();
  const settings = {
    EventHubs: hubs.connectionString,
    Cosmos: connectionString,
    WEFT_DATABASE: mesh,
    WEFT_MESH: mesh,
  };
  const host = life.use(await startFunctionsHost({ app: root, settings }));
  const flags =
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
  const browser = await chromium.launch({ executablePath, args: flags.split(" "), timeout });
  life.defer(() => browser.close());
  const running = life.move();
  return {
    life: running,
    host,
    documents,
    browser,
    send: async (name, messages) => {
      const producer = new EventHubProducerClient(hubs.connectionString, name);
      const events = messages.map((body) => ({ body }));
      await producer.sendBatch(events, { partitionKey: cluster });
      await producer.close();
    },
  };
}

/** Opens a page and collects what the browser complains about. */
async function openPage(
  t: TestContext,
  width: number,
): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
  const page = await staged().browser.newPage({ viewport: { width, height: 900 } });
  t.after(() => page.close());
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return { page, complaints };
}

async function servedVersion(atLeast: number): Promise<number> {
  for (;;) {
    const version = (await readHead(staged().documents, cluster))?.head.version ?? 0;
    if (version >= atLeast) return version;
    await delay(50);
  }
}

test("an empty cluster says what to do, and fills while the page is open", { timeout, skip }, async (t) => {
  const { host, send } = staged();
  const { page, complaints } = await openPage(t, 1280);
  await page.goto(`${host.url}/api/dashboard`);
  assert.equal(new URL(page.url()).pathname, `/api/dashboard/${cluster}`, "a mesh of one cluster leads to it");
  await page.getByText("Nothing has been compiled for this cluster yet.").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await send("mesh-events", publisher.list(bookstore()));
  await page.getByRole("rowheader", { name: "bookbuyer/bookbuyer" }).first().waitFor();
  const version = await servedVersion(1);
  const report = bookstoreReport({ version, time: now().toISOString(), behind: { "mysql-0": version - 1 } });
  await send("mesh-reports", [publisher.report(report)]);
  await page.getByRole("banner").getByText("6 of 7 proxies settled").waitFor();
  assert.deepEqual(complaints, []);
});

test("a change arrives without loading the page again", { timeout, skip }, async (t) => {
  const { host, send } = staged();
  const { page, complaints } = await openPage(t, 1280);
  await page.goto(`${host.url}/api/dashboard/${cluster}`);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.evaluate("window.sameDocument = true");
  const thief = page.locator("a[href='#may-bookthief.bookthief-bookstore.bookstore-v1']");
  assert.equal(await thief.count(), 0);
  const target = storeTarget("v1", ["bookbuyer/bookbuyer", "bookthief/bookthief"]);
  await send("mesh-events", [publisher.applied(target, { manager: "kubectl", generation: 2 })]);
  await thief.waitFor();
  await page.getByText("by kubectl, generation 2").waitFor();
  await send("mesh-events", [
    publisher.applied(mistakenTarget),
    publisher.applied(splitOf({ "bookstore-v1": 25, "bookstore-v2": 75 })),
  ]);
  await page.getByText("75 %").waitFor();
  await page.getByText("route-match-not-found").waitFor();
  await thief.click();
  assert.match(page.url(), /#may-bookthief/, "a cell leads to its rule");
  assert.equal(await page.evaluate("window.sameDocument"), true);
  assert.deepEqual(complaints, []);
});

test("nothing is wider than the window, and headings and tables name everything", { timeout, skip }, async (t) => {
  for (const width of [1280, 400]) {
    const { page, complaints } = await openPage(t, width);
    await page.goto(`${staged().host.url}/api/dashboard/${cluster}`);
    await page.getByText("Live", { exact: true }).waitFor();
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
    const headings = await page.getByRole("heading", { level: 2 }).allTextContents();
    const sections = [
      "Who may call whom",
      "Services and splits",
      "What exactly",
      "Last changes",
      "Proxies",
      "Problems",
      "Pins and local policy",
    ];
    assert.deepEqual(headings, sections);
    assert.equal(await page.locator("table:not(:has(th[scope=col]))").count(), 0, "every table has headers");
    assert.deepEqual(complaints, []);
  }
});

test("without script the page shows the same", { timeout, skip }, async (t) => {
  const { host, browser } = staged();
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${host.url}/api/dashboard/${cluster}`);
  await page.getByRole("rowheader", { name: "bookbuyer/bookbuyer" }).first().waitFor();
  assert.equal(await page.locator(".live:visible").count(), 0);
  assert.match(await page.locator("#changes").innerText(), /compiled\s+\+[\d.]+ (ms|s|min)\b/);
});
