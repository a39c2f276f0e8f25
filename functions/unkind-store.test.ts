import assert from "node:assert/strict";
import { test } from "node:test";
import { cosmosFault } from "../local/cosmos/core/cosmos-fault.ts";
import { coreWith, storeOver } from "../local/cosmos/core-harness.ts";
import { createFaultInjector } from "../local/faults/fault-injector.ts";
import { parseFaultPlan } from "../local/faults/fault-plan.ts";
import type { MeshObject } from "../shared/core/object.ts";
import { versionsOf } from "../shared/core/snapshot/snapshot.ts";
import type { DocumentStore } from "../shared/ports/document-store.ts";
import { MeshError } from "../shared/shell/mesh-error.ts";
import { createBlockStore } from "../shared/store/block-store.ts";
import { readHead } from "../shared/store/cluster-store.ts";
import { shop, target } from "../test/support/cart-shop.ts";
import { type PublishingCluster, startPublishingCluster, trieOfObjects } from "../test/support/publishing-cluster.ts";
import { composeFunctions } from "./compose.ts";

// The functions over the stand-in's core where it is least kind: replicas that lag, answers and requests that are lost, throttling.

const unkind = JSON.stringify({
  faults: [
    { fault: "stale", on: "any", rate: 0.5, milliseconds: 400 },
    { fault: "answer-lost", on: "write", rate: 0.06 },
    { fault: "request-lost", on: "any", rate: 0.03 },
    { fault: "refused", on: "any", status: 429, retryAfter: 30, rate: 0.1 },
    { fault: "refused", on: "write", status: 449, rate: 0.05 },
    { fault: "refused", on: "read", status: 404, substatus: 1002, rate: 0.03 },
  ],
});

/** A core with a plan, on a clock of its own that moves with each look at it, and clients of it. */
function unkindCore() {
  let now = 1_767_225_600_000;
  const clock = (): number => {
    now += 1;
    return now;
  };
  const pause = async (milliseconds: number): Promise<void> => {
    now += milliseconds;
  };
  const faults = createFaultInjector(parseFaultPlan(JSON.stringify({ faults: [] }), cosmosFault));
  const core = coreWith({ clock, faults, run: "unkind" });
  return { core, faults, client: () => storeOver(core, { now: clock, pause }) };
}

/** What a follower sees: heads that never go back, and snapshots that are whole or not there. */
function createFollower(documents: DocumentStore) {
  let version = 0;
  let loaded = 0;
  return {
    loaded: () => loaded,
    async look(): Promise<void> {
      try {
        const head = (await readHead(documents, "test"))?.head;
        // A replica may not have heard of the cluster yet, but no session goes back.
        assert.ok((head?.version ?? 0) >= version, `the head went back from ${version}`);
        version = head?.version ?? 0;
        if (head?.served === undefined) return;
        const blocks = createBlockStore(documents, "test");
        const wanted = versionsOf((await blocks.loadSnapshot(head.served.root)).index);
        const resources = await blocks.loadResources(wanted);
        assert.deepEqual(
          [...wanted].filter((one) => !resources.has(one)),
          [],
        );
        loaded += 1;
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
      }
    },
  };
}

type Publisher = ReturnType<typeof createPublisher>;

/** Sends a change, and a list in a new epoch for as long as the head does not name the end of what it sent. */
function createPublisher(cluster: PublishingCluster, ingest: (messages: readonly unknown[]) => Promise<void>) {
  let at = { epoch: 0, seq: 0 };
  const isApplied = async (): Promise<boolean> => {
    for (let look = 0; look < 3; look += 1) {
      const head = await cluster.head().catch(() => undefined);
      if (head?.applied.epoch === at.epoch && head.applied.seq === at.seq && head.want === undefined) return true;
    }
    return false;
  };
  const list = async (objects: readonly MeshObject[]): Promise<void> => {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const messages = cluster.list(at.epoch + 1, objects);
      at = { epoch: at.epoch + 1, seq: messages.length };
      await ingest(messages);
      if (await isApplied()) return;
    }
    assert.fail("twenty lists were not enough");
  };
  return {
    list,
    async change(kind: "applied" | "deleted", object: MeshObject, after: readonly MeshObject[]): Promise<void> {
      at = { ...at, seq: at.seq + 1 };
      await ingest([cluster[kind](at, object)]);
      if (!(await isApplied())) await list(after);
    },
  };
}

async function toggle(publisher: Publisher, times: number, after: () => Promise<void>): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    if (n % 2 === 0) await publisher.change("applied", target, [...shop, target]);
    else await publisher.change("deleted", target, shop);
    await after();
  }
}

for (const seed of [1, 116]) {
  test(`functions keep every change over an unkind store, seed ${seed}`, { timeout: 60_000 }, async () => {
    const { faults, client } = unkindCore();
    const cluster = await startPublishingCluster({ documents: client() });
    const others = composeFunctions({ ...cluster.functions.parts, documents: client() });
    let turn = 0;
    const publisher = createPublisher(cluster, async (messages) => {
      turn += 1;
      await (turn % 2 === 0 ? cluster.functions : others).ingestEvents(messages);
    });
    const follower = createFollower(client());
    faults.replace({ ...parseFaultPlan(unkind, cosmosFault), seed });
    await publisher.list(shop);
    await toggle(publisher, 9, () => follower.look());
    const befallen = faults.history.length;
    faults.replace({ seed, rules: [] });
    await cluster.functions.sweep();
    const head = await cluster.head();
    assert.equal(head.state, trieOfObjects([...shop, target]).root);
    assert.equal(head.served?.state, head.state);
    const before = follower.loaded();
    await follower.look();
    assert.equal(follower.loaded(), before + 1);
    assert.ok(befallen > 50, `only ${befallen} faults`);
  });
}
