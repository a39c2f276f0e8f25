import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { status } from "@grpc/grpc-js";
import { within } from "../conformance/xds/within.ts";
import { type FeatureMesh, startFeatureMesh } from "./feature-mesh.ts";
import { podToken, type RunningPod } from "./feature-proxy.ts";
import { httpService } from "./shop.ts";

interface PodMetadata {
  readonly metadata: { readonly uid: string };
}

/** How a stream with this pod's token ends. */
async function endOf(shop: FeatureMesh, pod: RunningPod): Promise<readonly [code: number, details: string]> {
  await using proxy = shop.connect(pod);
  const { code, details } = await within(proxy.ended, "the end of the stream");
  return [code, details];
}

async function uidOf(shop: FeatureMesh, name: string): Promise<string> {
  const { metadata } = await shop.client.call<PodMetadata>({ path: `/api/v1/namespaces/shop/pods/${name}` });
  return metadata.uid;
}

describe("identity", () => {
  it("lets a proxy in with its pod's token, and gives it a certificate of its account", async () => {
    await using shop = await startFeatureMesh();
    await using proxy = shop.connect(await shop.run({ name: "client", account: "client" }));
    await proxy.until("its listeners", () => proxy.held.listener.has("inbound"));
    await shop.run({ name: "server", account: "server", labels: { app: "server" } });
    await shop.apply(httpService("server"));
    const text = await proxy.until("its certificate", () => proxy.text("secret", "identity") || undefined);
    const { tlsCertificate } = JSON.parse(text) as {
      readonly tlsCertificate: { readonly certificateChain: { readonly inlineString: string } };
    };
    const certificate = new X509Certificate(tlsCertificate.certificateChain.inlineString);
    assert.equal(
      certificate.subjectAltName,
      "URI:spiffe://cluster.local/ns/shop/sa/client, DNS:client.shop.cluster.local",
    );
  });

  it("refuses a stream without token, with a made-up one, and with one of another audience", async () => {
    await using shop = await startFeatureMesh();
    const pod = await shop.run({ name: "client", account: "client" });
    const uid = await uidOf(shop, "client");
    const foreign = await podToken(shop.client, {
      namespace: "shop",
      name: "client",
      account: "client",
      uid,
      audience: "vault",
    });
    assert.deepEqual(await endOf(shop, { ...pod, token: "" }), [status.UNAUTHENTICATED, "no bearer token"]);
    for (const token of ["made.up.token", `${pod.token.slice(0, -4)}AAAA`, foreign])
      assert.equal((await endOf(shop, { ...pod, token }))[0], status.UNAUTHENTICATED, token.slice(0, 10));
    assert.deepEqual((await shop.debug<{ readonly proxies: readonly unknown[] }>("/debug/proxies")).proxies, []);
  });

  it("refuses a proxy that comes from another address than its pod's", async () => {
    await using shop = await startFeatureMesh();
    const pod = await shop.run({ name: "client", account: "client", address: "10.244.0.9" });
    assert.deepEqual(await endOf(shop, pod), [
      status.PERMISSION_DENIED,
      "127.0.0.1 is not an address of pod shop/client",
    ]);
  });

  it("refuses the token of a pod that was there before under the same name", async () => {
    await using shop = await startFeatureMesh();
    const old = await shop.run({ name: "client", account: "client" });
    await shop.client.call({ method: "DELETE", path: "/api/v1/namespaces/shop/pods/client?gracePeriodSeconds=0" });
    await shop.run({ name: "client", account: "client" });
    const [code] = await endOf(shop, old);
    const refusals: readonly number[] = [status.UNAUTHENTICATED, status.PERMISSION_DENIED];
    assert.ok(refusals.includes(code), `code ${code}`);
  });

  it("ends the stream of a pod when it is deleted, not while it terminates", async () => {
    await using shop = await startFeatureMesh();
    const pod = await shop.run({ name: "client", account: "client" });
    await using proxy = shop.connect(pod);
    await proxy.until("its listeners", () => proxy.held.listener.has("inbound"));
    await shop.client.call({ method: "DELETE", path: "/api/v1/namespaces/shop/pods/client?gracePeriodSeconds=30" });
    await using again = shop.connect(pod);
    await again.until("a terminating pod may come back", () => again.held.listener.has("inbound"));
    await shop.client.call({ method: "DELETE", path: "/api/v1/namespaces/shop/pods/client?gracePeriodSeconds=0" });
    assert.equal((await within(again.ended, "the end of the stream")).code, status.OK);
  });
});
