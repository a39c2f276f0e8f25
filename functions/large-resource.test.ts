import assert from "node:assert/strict";
import { test } from "node:test";
import { versionsOf } from "../shared/core/snapshot/snapshot.ts";
import { createBlockStore } from "../shared/store/block-store.ts";
import { namespace, pod, service, stateOf } from "../test/support/build.ts";
import { largePolicy } from "../test/support/large-policy.ts";
import { startPublishingCluster } from "../test/support/publishing-cluster.ts";

/** Of one document. */
const limit = 2 * 1024 * 1024;

test("a resource that no document holds stops nothing: it is served, and what changes beside it", async () => {
  const cluster = await startPublishingCluster();
  const shop = (port: number) =>
    stateOf([
      namespace("shop"),
      pod("shop/web"),
      service("shop/web", { ports: [{ port, targetPort: 8080, name: "http" }] }),
      ...largePolicy(),
    ]);
  await cluster.functions.ingestEvents(cluster.list(1, shop(80)));
  await cluster.functions.ingestEvents(cluster.list(2, shop(81)));
  const { version, served, state } = await cluster.head();
  assert.ok(served !== undefined);
  assert.deepEqual([version, served.state, cluster.warnings], [2, state, []]);
  const blocks = createBlockStore(cluster.documents, "test");
  const resources = await blocks.loadResources(versionsOf((await blocks.loadSnapshot(served.root)).index));
  const sizes = [...resources.values()].map(({ body }) => body.length);
  assert.ok(Math.max(...sizes) > limit, JSON.stringify(sizes));
});
