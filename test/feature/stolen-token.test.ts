import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { status } from "@grpc/grpc-js";
import { XDS_TOKEN_AUDIENCE } from "../../gateway/inject/marks.ts";
import type { FakeProxyOptions } from "../../local/proxies/fake-proxy.ts";
import { within } from "../conformance/xds/within.ts";
import { meshConfig, namespace } from "../support/build.ts";
import { type FeatureMesh, startFeatureMesh } from "./feature-mesh.ts";
import { type FeaturePod, podToken, type RunningPod, runPod } from "./feature-proxy.ts";
import { startOtherAddress } from "./other-address.ts";
import { httpService } from "./shop.ts";

/** What somebody can do with a token that is not his, or not a pod's. */

let shop: FeatureMesh;

before(async () => {
  shop = await startFeatureMesh();
  await shop.apply(meshConfig({ permissive: true, egress: false }), httpService("server"));
});
after(() => shop[Symbol.asyncDispose]());

/** A pod of its own for each test, with an account of the same name. */
function run(name: string, more: Partial<FeaturePod> = {}): Promise<RunningPod> {
  return shop.run({ name, account: name, ...more });
}

/** The proxies that are connected, by the name of their pod. */
async function connected(): Promise<readonly string[]> {
  const { proxies } = await shop.debug<{ readonly proxies: readonly { readonly proxy: string }[] }>("/debug/proxies");
  return proxies.map(({ proxy }) => proxy);
}

async function refusalOf(
  pod: RunningPod,
  options?: Partial<FakeProxyOptions>,
): Promise<readonly [code: number, details: string]> {
  await using proxy = shop.connect(pod, options);
  const { code, details } = await within(proxy.ended, "the end of the stream");
  assert.deepEqual(proxy.received, []);
  return [code, details];
}

describe("a token in wrong hands", () => {
  it("is refused from another address while its pod lives, whose stream goes on", async () => {
    const pod = await run("victim");
    await using proxy = shop.connect(pod);
    await proxy.until("its listeners", () => proxy.held.listener.has("outbound"));
    await using thief = await startOtherAddress(shop.mesh.xdsPort);
    let ended = false;
    void proxy.ended.then(() => (ended = true));
    for (let times = 0; times < 3; times++)
      assert.deepEqual(await refusalOf(pod, { port: thief.port }), [
        status.PERMISSION_DENIED,
        "127.0.0.2 is not an address of pod shop/victim",
      ]);
    const heard = proxy.received.length;
    await run("server", { labels: { app: "server" } });
    await proxy.until("a change reaches the pod's own stream", () => proxy.received.length > heard);
    assert.equal(ended, false);
  });

  it("is refused when its pod is gone, though Kubernetes once vouched for it", async () => {
    const pod = await run("gone");
    await using proxy = shop.connect(pod);
    await proxy.until("its listeners", () => proxy.held.listener.has("inbound"));
    await shop.client.call({ method: "DELETE", path: "/api/v1/namespaces/shop/pods/gone?gracePeriodSeconds=0" });
    assert.equal((await within(proxy.ended, "the end of the stream")).code, status.OK);
    const refusals: readonly number[] = [status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.UNAVAILABLE];
    for (let times = 0; times < 2; times++) assert.ok(refusals.includes((await refusalOf(pod))[0]));
  });

  it("is refused for a pod on the host's network, whose address is everybody's there", async () => {
    assert.deepEqual(await refusalOf(await run("on-host", { hostNetwork: true })), [
      status.PERMISSION_DENIED,
      "pod shop/on-host uses the host's network, whose address anybody there has",
    ]);
  });

  it("of a pod in another namespace gives no entry to a pod of that name here", async () => {
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "twin", namespace: "bank" } };
    await shop.apply(namespace("bank"), account);
    await run("twin");
    const foreign = { namespace: "bank", name: "twin", account: "twin", address: "10.244.0.9" };
    const { token } = await runPod(shop.client, foreign);
    assert.deepEqual(await refusalOf({ namespace: "shop", name: "twin", token }), [
      status.PERMISSION_DENIED,
      "127.0.0.1 is not an address of pod bank/twin",
    ]);
  });

  it("says who a proxy is: what the proxy calls itself is not believed", async () => {
    const pod = await run("pretender");
    await using proxy = shop.connect({ ...pod, name: "server" });
    await proxy.until("its listeners", () => proxy.held.listener.has("inbound"));
    const proxies = await connected();
    assert.ok(proxies.includes("shop/pretender") && !proxies.includes("shop/server"), proxies.join(", "));
  });

  it("is refused when it is bound to no pod; one of another account than the pod's cannot be had", async () => {
    const pod = await run("unbound");
    await run("other");
    const { status: made } = await shop.client.call<{ readonly status: { readonly token: string } }>({
      method: "POST",
      path: "/api/v1/namespaces/shop/serviceaccounts/unbound/token",
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: { audiences: [XDS_TOKEN_AUDIENCE], expirationSeconds: 3600 },
      },
    });
    assert.deepEqual(await refusalOf({ ...pod, token: made.token }), [
      status.PERMISSION_DENIED,
      "the token is not bound to a pod",
    ]);
    const path = "/api/v1/namespaces/shop/pods/unbound";
    const { metadata } = await shop.client.call<{ readonly metadata: { readonly uid: string } }>({ path });
    const of = { namespace: "shop", name: "unbound", uid: metadata.uid, audience: XDS_TOKEN_AUDIENCE };
    await assert.rejects(podToken(shop.client, { ...of, account: "other" }), /service ?account/i);
  });
});
