import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import { findEnvoy } from "../../local/data-plane/envoy-binary.ts";
import { encode } from "../../shared/core/xds/encode.ts";
import { Cluster } from "../../shared/core/xds/gen/envoy/config/cluster/v3/cluster.ts";
import { RouteConfiguration } from "../../shared/core/xds/gen/envoy/config/route/v3/route.ts";
import type { Resource } from "../../shared/core/xds/resource.ts";
import { createTranslator } from "../../shared/core/xds/translate.ts";
import { type StartAdsServer, startPlainServer } from "../support/envoy-ads/ads-server.ts";
import { createTestAuthority } from "../support/envoy-ads/certificates.ts";
import { startGatewayServer } from "../support/envoy-ads/gateway-server.ts";
import { account, exampleMeshes } from "../support/envoy-ads/meshes.ts";
import { proveView } from "../support/envoy-ads/prove-view.ts";
import { completeView } from "../support/envoy-ads/served-view.ts";

const authority = createTestAuthority("cluster.local");

interface Planted {
  readonly resources: readonly Resource[];
  readonly expected: RegExp;
  /** Set where Envoy refuses nothing: how long it may take to settle, in ms. A refusal ends the wait at once. */
  readonly deadlineMs?: number;
}

const planted: Readonly<Record<string, Planted>> = {
  "a route with a total weight of 0": {
    resources: replaced("route", (name) =>
      encode(RouteConfiguration, {
        name,
        virtualHosts: [
          {
            name,
            domains: ["*"],
            routes: [
              {
                match: { pathSpecifier: { $case: "prefix", value: "/" } },
                action: {
                  $case: "route",
                  value: {
                    clusterSpecifier: {
                      $case: "weightedClusters",
                      value: {
                        clusters: [
                          { name: "blackhole", weight: 0 },
                          { name: "passthrough", weight: 0 },
                        ],
                      },
                    },
                  },
                },
              },
            ],
          },
        ],
      }),
    ),
    expected: /^route refused \(.*greater than 0/s,
  },
  "a cluster without its EDS source": {
    resources: replaced("cluster", (name) =>
      encode(Cluster, { name, clusterDiscoveryType: { $case: "type", value: 3 } }),
    ),
    expected: /^cluster refused /,
  },
  "a trust set that nobody defined": {
    resources: buyersView().filter(({ type, name }) => type !== "trust-set" || name !== "trust-none"),
    expected: /^warming: |is not in use/,
    deadlineMs: 3000,
  },
};

const servers: Readonly<Record<string, StartAdsServer>> = {
  "a plain server": startPlainServer,
  "the gateway's streams": startGatewayServer,
};

for (const [server, startServer] of Object.entries(servers)) {
  suite(`a real Envoy takes what translate makes, from ${server}`, { timeout: 300_000 }, () => {
    let binary = "";

    before(async () => {
      const found = await findEnvoy({ environment: process.env, report: () => undefined });
      assert.ok(found.ok, found.ok ? "" : found.problems.join("; "));
      binary = found.path;
    });

    for (const [name, mesh] of Object.entries(exampleMeshes)) {
      test(name, async () => {
        const translate = createTranslator(mesh);
        for (const workload of mesh.workloads) {
          const view = completeView(translate(workload), { authority, account: workload.account });
          assert.deepEqual(await proveView(view, { binary, startServer }), [], workload.key);
        }
      });
    }

    for (const [name, { resources, expected, deadlineMs }] of Object.entries(planted)) {
      test(`the check fails on ${name}`, async () => {
        const view = completeView(resources, { authority, account: account("buyer") });
        const faults = await proveView(view, { binary, startServer, ...(deadlineMs !== undefined && { deadlineMs }) });
        assert.ok(
          faults.some((fault) => expected.test(fault)),
          faults.join("\n"),
        );
      });
    }
  });
}

function buyersView(): readonly Resource[] {
  const mesh = exampleMeshes["enforced: splits"];
  const buyer = mesh?.workloads.find((workload) => workload.account === account("buyer"));
  assert.ok(mesh !== undefined && buyer !== undefined);
  return createTranslator(mesh)(buyer);
}

/** The buyer's view with the body of every resource of one type that Services made replaced. */
function replaced(type: Resource["type"], body: (name: string) => Uint8Array): readonly Resource[] {
  return buyersView().map((resource) =>
    resource.type === type && resource.name.startsWith("shop/") ? { ...resource, body: body(resource.name) } : resource,
  );
}
