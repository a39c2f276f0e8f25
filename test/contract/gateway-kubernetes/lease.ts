import assert from "node:assert/strict";
import { it } from "node:test";
import { whileHoldingLease } from "../../../gateway/publish/lease.ts";
import { eventually } from "../kubernetes/api-client.ts";
import { type GatewayPlace, type GatewayTests, until } from "./place.ts";

interface Candidate extends AsyncDisposable {
  /** Epochs that it took, one each time it won. */
  readonly epochs: readonly number[];
  readonly holds: () => boolean;
}

function stand({ client, namespace }: GatewayPlace, identity: string): Candidate {
  const stop = new AbortController();
  const epochs: number[] = [];
  let holds = false;
  const running = whileHoldingLease(
    client,
    { namespace, name: "publisher", identity, duration: 3000, signal: stop.signal, fault: () => undefined },
    async (lease) => {
      const { lost } = lease;
      epochs.push(await lease.takeEpoch(0));
      holds = true;
      await new Promise<void>((resolve) => {
        if (lost.aborted) resolve();
        else lost.addEventListener("abort", () => resolve(), { once: true });
      });
      holds = false;
    },
  );
  return {
    epochs,
    holds: () => holds,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

export const leaseTests: GatewayTests = (place) => {
  it("is held by one replica, handed on with a higher epoch, and made again when it was removed", async () => {
    const { api, namespace } = place();
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/publisher`;
    const holder = async (): Promise<unknown> => (await api.get(path)).body.at("spec", "holderIdentity");
    await using first = stand(place(), "one");
    await until(() => first.holds());
    const [epoch = 0] = first.epochs;
    assert.deepEqual([first.epochs.length, await holder()], [1, "one"]);
    await using second = stand(place(), "two");
    await first[Symbol.asyncDispose]();
    await until(() => second.holds());
    assert.deepEqual([first.holds(), second.epochs, await holder()], [false, [epoch + 1], "two"]);
    const { body } = await api.get(path);
    assert.equal(body.at("metadata", "annotations", "weft.dev/epoch"), String(epoch + 1));
    await api.delete(path);
    await eventually(
      () => api.get(path),
      ({ code }) => code === 200,
    );
    await until(() => second.holds());
    assert.equal(await holder(), "two");
  });
};
