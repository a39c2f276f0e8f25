import assert from "node:assert/strict";
import { test } from "node:test";
import { givenObjects, meshConfig, stateOf } from "../../../../test/support/build.ts";
import { settingsOf } from "./apply.ts";

const elsewhere = (config: ReturnType<typeof meshConfig>, namespace: string, name = config.metadata.name) => ({
  ...config,
  metadata: { ...config.metadata, namespace, name },
});

const source = {
  group: "config.openservicemesh.io",
  kind: "MeshConfig",
  namespace: "osm-system",
  name: "osm-mesh-config",
};

test("without a MeshConfig the mesh starts open, as OSM's chart has it", () => {
  const { settings } = givenObjects([]).mesh;
  assert.deepEqual(
    [settings.mode, settings.egress, settings.tls.minimum, settings.tls.maximum],
    ["permissive", true, "TLSv1_2", "TLSv1_3"],
  );
  const other = elsewhere(meshConfig({ permissive: false }), "osm-system", "another-name");
  assert.equal(givenObjects([other]).mesh.settings.mode, "permissive");
});

test("flags that are left out are false", () => {
  const { settings } = givenObjects([meshConfig({})]).mesh;
  assert.deepEqual([settings.mode, settings.egress], ["enforced", false]);
});

test("flags and TLS are taken as written", () => {
  const { mesh, problems } = givenObjects([
    meshConfig({
      permissive: true,
      egress: true,
      sidecar: {
        tlsMinProtocolVersion: "TLSv1_3",
        tlsMaxProtocolVersion: "TLS_AUTO",
        cipherSuites: ["ECDHE-ECDSA-AES128-GCM-SHA256"],
        ecdhCurves: ["X25519", "P-256"],
      },
    }),
  ]);
  assert.deepEqual(problems, []);
  assert.deepEqual(mesh.settings, {
    trustDomain: "cluster.local",
    clusterDomain: "cluster.local",
    serviceCidrs: [],
    podCidrs: [],
    mode: "permissive",
    egress: true,
    tls: {
      minimum: "TLSv1_3",
      maximum: "TLS_AUTO",
      cipherSuites: ["ECDHE-ECDSA-AES128-GCM-SHA256"],
      ecdhCurves: ["X25519", "P-256"],
    },
    causes: { mode: [source], egress: [source], tls: [source], cidrs: [] },
  });
});

test("a setting that stands at its default has no cause", () => {
  assert.deepEqual(givenObjects([]).mesh.settings.causes, { mode: [], egress: [], tls: [], cidrs: [] });
  assert.deepEqual(givenObjects([meshConfig({})]).mesh.settings.causes.tls, []);
});

test("one bad value does not take the others with it", () => {
  const odd = meshConfig({
    permissive: true,
    sidecar: { tlsMinProtocolVersion: "1.3", cipherSuites: ["ROT13", "AES128-SHA"], ecdhCurves: "X25519" },
  });
  const { settings, problems } = settingsOf(
    stateOf([
      { ...odd, spec: { ...odd.spec, traffic: { enablePermissiveTrafficPolicyMode: true, enableEgress: "yes" } } },
    ]),
  );
  assert.deepEqual([settings.mode, settings.egress], ["permissive", false]);
  assert.deepEqual(settings.tls, {
    minimum: "TLSv1_2",
    maximum: "TLSv1_3",
    cipherSuites: ["AES128-SHA"],
    ecdhCurves: ["X25519"],
  });
  assert.deepEqual(problems.map(({ message }) => message).toSorted(), [
    'spec.sidecar.cipherSuites is "ROT13", which cannot be used; it is left out',
    'spec.sidecar.tlsMinProtocolVersion is "1.3", which cannot be used; TLSv1_2 stands in its place',
    'spec.traffic.enableEgress is "yes", which cannot be used; false stands in its place',
  ]);
});

test("a range of TLS versions that ends before it begins is not used", () => {
  const { mesh, problems } = givenObjects([
    meshConfig({ sidecar: { tlsMinProtocolVersion: "TLSv1_3", tlsMaxProtocolVersion: "TLSv1_2" } }),
  ]);
  assert.deepEqual([mesh.settings.tls.minimum, mesh.settings.tls.maximum], ["TLSv1_2", "TLSv1_3"]);
  assert.deepEqual(problems, ["meshconfig-value-invalid MeshConfig/osm-mesh-config"]);
});

test("of several the oldest counts, then the first by namespace", () => {
  const old = elsewhere(meshConfig({ permissive: true, created: 1 }), "z");
  const young = elsewhere(meshConfig({ permissive: false, created: 2 }), "a");
  assert.equal(givenObjects([young, old]).mesh.settings.mode, "permissive");
  const twin = elsewhere(meshConfig({ permissive: false, created: 1 }), "y");
  assert.equal(givenObjects([young, old, twin]).mesh.settings.mode, "enforced");
});

test("one that cannot be read closes the mesh, whatever others say", () => {
  const open = meshConfig({ permissive: true, egress: true });
  const [readable] = stateOf([open]);
  assert.ok(readable);
  const refused = {
    ...readable,
    key: { ...readable.key, namespace: "z" },
    body: { refused: { bodyHash: "x", reason: "larger than 900 KB" } },
  };
  const { settings, problems } = settingsOf([readable, refused]);
  assert.deepEqual([settings.mode, settings.egress], ["enforced", false]);
  assert.deepEqual(problems, [{ code: "object-refused", object: refused.key, message: "larger than 900 KB" }]);
});
