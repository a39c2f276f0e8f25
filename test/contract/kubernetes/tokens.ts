import assert from "node:assert/strict";
import { it } from "node:test";
import { type Answer, type ApiClient, eventually } from "./api-client.ts";
import { core, pod, type Tests } from "./world.ts";

const reviews = "/apis/authentication.k8s.io/v1/tokenreviews";

function review(api: ApiClient, token: string, audience: string): Promise<Answer> {
  return api.post(reviews, { spec: { token, audiences: [audience] } });
}

function claimsOf(token: string): Record<string, unknown> {
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8");
  return JSON.parse(payload) as Record<string, unknown>;
}

/** Tokens of service accounts. */
export const tokenTests: Tests = (place) => {
  it("issues a token bound to a Pod, knows it for its audience, and forgets it with the Pod", async () => {
    const { api, namespace } = place();
    const account = `${core(namespace, "serviceaccounts")}/app`;
    const { body: app } = await api.post(core(namespace, "serviceaccounts"), { metadata: { name: "app" } });
    const { body: bound } = await api.post(
      core(namespace, "pods"),
      pod("bound", { spec: { serviceAccountName: "app" } }),
    );
    const uid = bound.at("metadata", "uid");
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "bound", uid };
    const spec = { audiences: ["mesh.test"], expirationSeconds: 600, boundObjectRef };
    const answer = await api.post(`${account}/token`, { spec });
    assert.equal(answer.code, 201);
    const token = answer.body.text("status", "token");
    const life = Date.parse(answer.body.text("status", "expirationTimestamp")) - Date.now();
    assert.ok(life > 500_000 && life <= 600_000, `${life}`);
    const claims = claimsOf(token);
    assert.deepEqual([claims["aud"], claims["sub"]], [["mesh.test"], `system:serviceaccount:${namespace}:app`]);

    const known = await review(api, token, "mesh.test");
    assert.equal(known.code, 201);
    assert.deepEqual(
      [known.body.at("status", "authenticated"), known.body.at("status", "audiences")],
      [true, ["mesh.test"]],
    );
    const user = known.body.record("status", "user");
    assert.deepEqual(
      [user["username"], user["uid"]],
      [`system:serviceaccount:${namespace}:app`, app.at("metadata", "uid")],
    );
    assert.deepEqual(known.body.at("status", "user", "extra", "authentication.kubernetes.io/pod-name"), ["bound"]);
    assert.deepEqual(known.body.at("status", "user", "extra", "authentication.kubernetes.io/pod-uid"), [uid]);

    const elsewhere = await review(api, token, "other.test");
    assert.equal(elsewhere.body.at("status", "authenticated"), undefined);
    assert.match(elsewhere.body.text("status", "error"), /is invalid for the target audiences/);
    const forged = await review(api, `${token.slice(0, -8)}AAAAAAAA`, "mesh.test");
    assert.equal(forged.body.at("status", "authenticated"), undefined);

    await api.delete(`${core(namespace, "pods")}/bound`, { gracePeriodSeconds: 0 });
    const gone = await eventually(
      () => review(api, token, "mesh.test"),
      ({ body }) => body.at("status", "authenticated") !== true,
    );
    assert.match(gone.body.text("status", "error"), /service account token has been invalidated/);
  });

  it("refuses tokens that live too short, and for Pods of another account", async () => {
    const { api, namespace } = place();
    const account = `${core(namespace, "serviceaccounts")}/default`;
    await eventually(
      () => api.get(account),
      ({ code }) => code === 200,
    );
    const short = await api.post(`${account}/token`, { spec: { expirationSeconds: 60 } });
    assert.equal(short.code, 422);
    assert.match(short.body.text("message"), /may not specify a duration less than 10 minutes/);
    await api.post(core(namespace, "serviceaccounts"), { metadata: { name: "another" } });
    await api.post(core(namespace, "pods"), pod("of-another", { spec: { serviceAccountName: "another" } }));
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "of-another" };
    const foreign = await api.post(`${account}/token`, { spec: { boundObjectRef } });
    assert.equal(foreign.code, 400);
    assert.match(
      foreign.body.text("message"),
      /cannot bind token for serviceaccount "default" to pod running with different serviceaccount name/,
    );
    const missing = await api.post(`${core(namespace, "serviceaccounts")}/missing/token`, { spec: {} });
    assert.equal(missing.code, 404);
  });

  it("lets a service account in with a token for the API server", async () => {
    const { api, namespace } = place();
    const { body } = await api.post(`${core(namespace, "serviceaccounts")}/default/token`, { spec: {} });
    const authorization = `Bearer ${body.text("status", "token")}`;
    const self = await api.as(authorization).post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {});
    assert.equal(self.body.at("status", "userInfo", "username"), `system:serviceaccount:${namespace}:default`);
    const stranger = await api.as("Bearer nonsense").get("/api/v1/namespaces");
    assert.deepEqual([stranger.code, stranger.body.at("reason")], [401, "Unauthorized"]);
  });

  it("answers what the administrator may do", async () => {
    const { api } = place();
    const asked = await api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      spec: { resourceAttributes: { verb: "list", resource: "pods" } },
    });
    assert.equal(asked.body.at("status", "allowed"), true);
  });
};
