import assert from "node:assert/strict";
import { it } from "node:test";
import { createBuiltInAuthority } from "../../../gateway/identity/certificate-authority.ts";
import { createAuthorityStore, publishRoots, reviewToken } from "../../../gateway/identity/kubernetes-identity.ts";
import { createTokenAuthenticator, type KnownPod } from "../../../gateway/identity/token-review.ts";
import { createProblemEvents } from "../../../gateway/report/problem-events.ts";
import type { CertificateAuthority } from "../../../shared/ports/certificate-authority.ts";
import { systemClock } from "../../../shared/shell/system-clock.ts";
import { core, pod } from "../kubernetes/world.ts";
import type { GatewayTests } from "./place.ts";

/** Tokens, the authority's keys and what the gateway tells people. */
export const identityTests: GatewayTests = (place) => {
  it("lets in the pod that a token was made for, and nobody else", async () => {
    const { api, client, namespace } = place();
    await api.post(core(namespace, "serviceaccounts"), { metadata: { name: "buyer" } });
    const made = await api.post(
      core(namespace, "pods"),
      pod("buyer-0", { spec: { nodeName: "nowhere", serviceAccountName: "buyer" } }),
    );
    const uid = made.body.text("metadata", "uid");
    const issue = async (audience: string, bound: boolean): Promise<string> => {
      const reference = { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "buyer-0", uid } };
      const spec = { audiences: [audience], expirationSeconds: 600, ...(bound ? reference : {}) };
      const { body } = await api.post(`${core(namespace, "serviceaccounts")}/buyer/token`, { spec });
      return body.text("status", "token");
    };
    const token = await issue("weft-xds", true);
    const review = await reviewToken(client, token);
    assert.deepEqual(review, {
      authenticated: true,
      username: `system:serviceaccount:${namespace}:buyer`,
      namespace,
      podName: "buyer-0",
      podUid: uid,
      error: undefined,
    });
    const known: KnownPod = {
      uid,
      serviceAccount: "buyer",
      hostNetwork: false,
      addresses: ["10.9.1.1"],
      deleted: false,
    };
    const authenticator = createTokenAuthenticator({
      reviewToken: (each) => reviewToken(client, each),
      findPod: (inNamespace, name) => (inNamespace === namespace && name === "buyer-0" ? known : undefined),
      clock: systemClock,
    });
    const answer = async (presented: string, address = "10.9.1.1"): Promise<string> => {
      const result = await authenticator.authenticate({ token: presented, address });
      return "code" in result ? result.code : result.proxy;
    };
    assert.equal(await answer(token), `${namespace}/buyer-0`);
    assert.equal(await answer(token, "10.9.1.2"), "PERMISSION_DENIED");
    assert.equal(await answer(await issue("another", true)), "UNAUTHENTICATED");
    assert.equal(await answer(await issue("weft-xds", false)), "PERMISSION_DENIED");
    assert.equal(await answer(`${token.slice(0, -8)}AAAAAAAA`), "UNAUTHENTICATED");
    assert.equal(await answer("nonsense"), "UNAUTHENTICATED");
  });

  it("keeps the authority's keys once, whoever is first", async () => {
    const { api, client, namespace } = place();
    const join = (): Promise<CertificateAuthority> =>
      createBuiltInAuthority({
        clusterName: "contract",
        store: createAuthorityStore(client, namespace),
        clock: systemClock,
      });
    const [one, other] = await Promise.all([join(), join()]);
    const roots = await one.roots();
    assert.match(roots, /^-----BEGIN CERTIFICATE-----/);
    assert.deepEqual([await other.roots(), await (await join()).roots()], [roots, roots]);
    await publishRoots(client, namespace, "roots");
    await publishRoots(client, namespace, "newer roots");
    const { body } = await api.get(`${core(namespace, "configmaps")}/weft-roots`);
    assert.deepEqual(body.at("data"), { "ca.crt": "newer roots" });
  });

  it("shows a problem as an Event on its object, counted when it comes again", async () => {
    const { api, client, namespace } = place();
    const object = { group: "", kind: "Service", namespace, name: "store" };
    const faults: Error[] = [];
    const events = createProblemEvents({
      client,
      instance: "gateway-0",
      now: () => new Date(),
      uidOf: () => "11111111-2222-3333-4444-555555555555",
      fault: (error) => faults.push(error),
    });
    const problem = { code: "object-unreadable", object, message: "spec.ports is not a list" } as const;
    // A problem that went and came back is the same Event.
    for (const standing of [[problem], [], [problem]]) await events.show(standing);
    assert.deepEqual(faults, []);
    const selector = encodeURIComponent(`involvedObject.name=store,reason=${problem.code}`);
    const { body } = await api.get(`${core(namespace, "events")}?fieldSelector=${selector}`);
    assert.deepEqual(
      body.list("items").map((event) => [event.at("type"), event.at("count"), event.at("involvedObject", "kind")]),
      [["Warning", 2, "Service"]],
    );
  });
};
