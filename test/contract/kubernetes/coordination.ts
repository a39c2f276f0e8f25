import assert from "node:assert/strict";
import { it } from "node:test";
import { CoordinationV1Api, V1MicroTime } from "@kubernetes/client-node";
import { core, type Tests } from "./world.ts";

/** Leases and Events. */
export const coordinationTests: Tests = (place) => {
  it("lets one of two holders have a Lease", async () => {
    const { api, namespace } = place();
    const leases = api.config.makeApiClient(CoordinationV1Api);
    const spec = { holderIdentity: "a", leaseDurationSeconds: 15, renewTime: new V1MicroTime() };
    const made = await leases.createNamespacedLease({ namespace, body: { metadata: { name: "lead" }, spec } });
    // The library reads it as text, whatever its types say.
    assert.match(String(made.spec?.renewTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const metadata = made.metadata ?? {};
    const first = await leases.replaceNamespacedLease({
      namespace,
      name: "lead",
      body: { metadata, spec: { ...spec, holderIdentity: "b" } },
    });
    assert.equal(first.spec?.holderIdentity, "b");
    await assert.rejects(
      leases.replaceNamespacedLease({
        namespace,
        name: "lead",
        body: { metadata, spec: { ...spec, holderIdentity: "c" } },
      }),
      { code: 409 },
    );
  });

  it("takes times of a Lease with microseconds only", async () => {
    const { api, namespace } = place();
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const exact = "2026-01-02T03:04:05.123456Z";
    const made = await api.post(path, { metadata: { name: "exact" }, spec: { renewTime: exact } });
    assert.equal(made.body.at("spec", "renewTime"), exact);
    const coarse = await api.post(path, { metadata: { name: "coarse" }, spec: { renewTime: "2026-01-02T03:04:05Z" } });
    assert.equal(coarse.code, 400);
    const unversioned = await api.put(`${path}/exact`, { metadata: { name: "exact" }, spec: {} });
    assert.equal(unversioned.code, 422);
    const created = await api.put(`${path}/fresh`, { metadata: { name: "fresh" }, spec: {} });
    assert.equal(created.code, 201);
    // Who renews a Lease that was removed meanwhile has lost it; who only names a version makes it anew.
    await api.delete(`${path}/fresh`);
    const removed = await api.put(`${path}/fresh`, created.body.value);
    assert.deepEqual([removed.code, removed.body.at("reason")], [409, "Conflict"]);
    const version = created.body.at("metadata", "resourceVersion");
    const again = await api.put(`${path}/fresh`, { metadata: { name: "fresh", resourceVersion: version } });
    assert.equal(again.code, 201);
    const negative = await api.post(path, {
      metadata: { name: "negative" },
      spec: { leaseDurationSeconds: 0, leaseTransitions: -1 },
    });
    assert.deepEqual(
      negative.body.list("details", "causes").map((cause) => cause.at("message")),
      ["Invalid value: 0: must be greater than 0", "Invalid value: -1: must be greater than or equal to 0"],
    );
  });

  it("serves an Event in both groups, and selects it by its object", async () => {
    const { api, namespace } = place();
    const involvedObject = { kind: "Pod", namespace, name: "eventful", uid: "abc", apiVersion: "v1" };
    const made = await api.post(core(namespace, "events"), {
      metadata: { name: "eventful.1" },
      involvedObject,
      reason: "Tested",
      message: "It was tested.",
      type: "Normal",
      source: { component: "contract" },
      firstTimestamp: "2026-01-02T03:04:05Z",
      lastTimestamp: "2026-01-02T03:04:05Z",
      count: 1,
    });
    assert.equal(made.code, 201);
    const selector = encodeURIComponent("involvedObject.name=eventful,involvedObject.uid=abc,type!=Warning");
    const found = await api.get(`${core(namespace, "events")}?fieldSelector=${selector}`);
    assert.equal(found.body.at("items", 0, "message"), "It was tested.");
    const newer = await api.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events/eventful.1`);
    assert.deepEqual(
      [
        newer.body.at("note"),
        newer.body.at("regarding", "name"),
        newer.body.at("deprecatedCount"),
        newer.body.at("message"),
      ],
      ["It was tested.", "eventful", 1, undefined],
    );
    const posted = await api.post(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`, {
      metadata: { name: "eventful.2" },
      regarding: involvedObject,
      reason: "TestedAgain",
      note: "It was tested again.",
      type: "Warning",
      action: "Testing",
      reportingController: "weft.dev/contract",
      reportingInstance: "contract-0",
      eventTime: "2026-01-02T03:04:05.000001Z",
    });
    assert.equal(posted.code, 201);
    const older = await api.get(`${core(namespace, "events")}/eventful.2`);
    assert.deepEqual(
      [older.body.at("message"), older.body.at("reportingComponent"), older.body.at("involvedObject", "name")],
      ["It was tested again.", "weft.dev/contract", "eventful"],
    );
  });
};
