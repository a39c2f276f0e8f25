import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startWorkloadCertificates } from "../../../gateway/identity/workload-certificates.ts";
import { findEnvoy } from "../../../local/data-plane/envoy-binary.ts";
import { accountKey } from "../../../shared/core/mesh/mesh.ts";
import { absentResource } from "../../../shared/core/xds/absent.ts";
import { encodeIdentitySecret, encodeTrustSecret } from "../../../shared/core/xds/secrets.ts";
import { systemClock } from "../../../shared/shell/system-clock.ts";
import { type EnvoyProxy, startEnvoyProxy } from "./envoy-proxy.ts";
import {
  assignmentOf,
  clusterOf,
  type EnvoyContent,
  envoyView,
  listenerOf,
  policyOf,
  routeOf,
} from "./envoy-resources.ts";
import { serverName, startXdsHarness, type XdsHarness } from "./harness.ts";

/** A little more than the drain time that the Envoys are started with. */
const drainMs = 1500;

suite("a real Envoy on our streams", { timeout: 300_000 }, () => {
  let binary = "";
  before(async () => {
    const found = await findEnvoy({ environment: process.env, report: () => undefined });
    assert.ok(found.ok, found.ok ? "" : found.problems.join("; "));
    binary = found.path;
  });

  test("takes a whole view, with certificates of the built-in authority, and changes of everything in it", async () => {
    await using mesh = await startMesh(binary);
    const { harness } = mesh;
    mesh.publish({});
    await harness.reported("settled 1");
    mesh.publish(mesh.content({ connectSeconds: 1 }));
    await harness.reported("settled 2");
    mesh.publish(mesh.content({ connectSeconds: 2, port: 4001, statPrefix: "two", path: "/two" }));
    await harness.reported("settled 3");
    assert.deepEqual(refusals(harness), []);
  });

  test("takes a first load in which one of each kind is bad: the good ones, and we know the bad by name", async () => {
    await using mesh = await startMesh(binary);
    const good = mesh.content({ connectSeconds: 1 });
    mesh.publish(
      {
        ...good,
        route: { ...good.route, "route-l2": routeOf("route-l2", "c2", 0) },
        extension: { ...good.extension, "authz-l2": policyOf("authz-l2", "((") },
      },
      "unproven",
    );
    // What is good alone may be acknowledged before or after what is bad alone is refused: that is as Envoy asks for them.
    await mesh.until(() => {
      const alone = refusals(mesh.harness).filter((line) => !/@\S+ \S+@/.test(line));
      const taken = mesh.harness.reports.filter((line) => line.startsWith("acknowledged"));
      return (
        ["route route-l2@", "extension authz-l2@"].every((name) =>
          alone.some((line) => line.startsWith(`refused ${name}`)),
        ) && ["route route-l1@", "extension authz-l1@"].every((name) => taken.some((line) => line.includes(name)))
      );
    });
    mesh.publish(good);
    await mesh.harness.reported("settled 2");
  });

  test("loses a cluster only after listeners and routes left it and the drain time is over", async () => {
    await using mesh = await startMesh(binary);
    mesh.publish(mesh.content({ connectSeconds: 1 }));
    await mesh.harness.reported("settled 1");
    const both = mesh.content({ connectSeconds: 1 });
    mesh.publish({ ...both, ...without("l2", "c2", both) });
    await mesh.harness.reported("settled 2");
    assert.deepEqual([...(await mesh.envoy.configured("dynamic_active_clusters"))].sort(), ["c1", "c2"]);
    await mesh.until(async () => (await mesh.envoy.configured("dynamic_active_clusters")).join() === "c1");
    await mesh.until(async () => (await mesh.envoy.configured("dynamic_listeners")).join() === "l1");
  });

  test("comes back after the stream ended, is sent nothing that it has, and only what changed meanwhile", async () => {
    await using mesh = await startMesh(binary);
    mesh.publish(mesh.content({ connectSeconds: 1 }));
    await mesh.harness.reported("settled 1");
    const known = mesh.harness.reports.length;
    mesh.harness.endProxies("again");
    await mesh.until(() => mesh.harness.reports.slice(known).includes("settled 1"));
    const isAcknowledged = (line: string) => line.startsWith("acknowledged");
    assert.deepEqual(mesh.harness.reports.slice(known).filter(isAcknowledged), []);
    mesh.publish(mesh.content({ connectSeconds: 1, path: "/changed" }));
    await mesh.harness.reported("settled 2");
    const changed = mesh.harness.reports.slice(known).filter(isAcknowledged);
    assert.equal(changed.length, 1, changed.join("; "));
  });
});

interface Mesh extends AsyncDisposable {
  readonly harness: XdsHarness;
  readonly envoy: EnvoyProxy;
  publish(content: EnvoyContent, proven?: "unproven"): void;
  content(values: Values): Required<EnvoyContent>;
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
}

interface Values {
  readonly connectSeconds: number;
  readonly port?: number;
  readonly statPrefix?: string;
  readonly path?: string;
}

async function startMesh(binary: string): Promise<Mesh> {
  const harness = await startXdsHarness({ stream: { answerLimitMs: 5000, drainMs }, absent: absentResource });
  const { authority, roots, server } = harness;
  using certificates = startWorkloadCertificates({
    authority,
    trustDomain: "cluster.local",
    clock: systemClock,
    random: Math.random,
    onFault: () => {},
  });
  const { chain, key } = await certificates.get(accountKey("shop", "cart"));
  const envoy = await startEnvoyProxy({ binary, port: server.port, roots, serverName, token: "good-cart" });
  let generation = 0;
  return {
    harness,
    envoy,
    publish: (content, proven) => harness.publish(envoyView(++generation, content, proven !== "unproven")),
    content: ({ connectSeconds, port = 4000, statPrefix = "one", path = "/one" }) => ({
      cluster: { c1: clusterOf("c1", connectSeconds), c2: clusterOf("c2", connectSeconds) },
      endpoint: { c1: assignmentOf("c1", port), c2: assignmentOf("c2", port) },
      secret: {
        identity: encodeIdentitySecret({ certificateChain: chain, privateKey: key }),
        "trust-c1": encodeTrustSecret("trust-c1", { roots, set: { names: "any" } }),
        "trust-c2": encodeTrustSecret("trust-c2", { roots, set: { names: [] } }),
      },
      listener: { l1: listenerOf("l1", 5001, statPrefix), l2: listenerOf("l2", 5002, statPrefix) },
      route: { "route-l1": routeOf("route-l1", "c1"), "route-l2": routeOf("route-l2", "c2") },
      extension: { "authz-l1": policyOf("authz-l1", path), "authz-l2": policyOf("authz-l2", "/") },
    }),
    async until(condition) {
      for (let tries = 0; !(await condition()); tries++) {
        assert.ok(tries < 600, `${harness.reports.join("\n")}\n${envoy.log()}`);
        await delay(50);
      }
    },
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      await harness[Symbol.asyncDispose]();
    },
  };
}

function refusals(harness: XdsHarness): string[] {
  return harness.reports.filter((line) => line.startsWith("refused"));
}

/** The content without a listener, what belongs to it, and its cluster. */
function without(listener: string, cluster: string, content: Required<EnvoyContent>): EnvoyContent {
  const drop = (all: Readonly<Record<string, Uint8Array>>, name: string) =>
    Object.fromEntries(Object.entries(all).filter(([key]) => key !== name));
  return {
    listener: drop(content.listener, listener),
    route: drop(content.route, `route-${listener}`),
    extension: drop(content.extension, `authz-${listener}`),
    cluster: drop(content.cluster, cluster),
    endpoint: drop(content.endpoint, cluster),
  };
}
