import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "node:tls";
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";
import { absentResource } from "../../../shared/core/xds/absent.ts";
import { encodeResource, envoyView } from "./envoy-resources.ts";
import { serverName, startXdsHarness, type XdsHarness } from "./harness.ts";
import { within } from "./within.ts";

suite("xDS conformance, state of the world, with the client of grpc-js", { timeout: 120_000 }, () => {
  test("finds its server, follows its endpoints, and stays on the last good cluster", async () => {
    await using harness = await startXdsHarness({ absent: absentResource, unnamed: "good-grpc" });
    await using one = await startGreeter("one");
    await using two = await startGreeter("two");
    harness.publish(grpcView(1, one.port));
    await using client = await startXdsGreeterClient(harness);
    assert.equal(await client.greet(), "one");
    await harness.reported("settled 1");
    assert.match(harness.reports[0] ?? "", /^connected shop\/grpc grpc-test .* sotw$/);

    harness.publish(grpcView(2, two.port));
    await until(async () => (await client.greet()) === "two");
    await harness.reported("settled 2");

    // A kind of cluster that this client refuses.
    harness.publish(grpcView(3, two.port, { type: "STRICT_DNS" }));
    await until(() => harness.reports.some((line) => line.startsWith("refused cluster greeters@")));
    assert.equal(await client.greet(), "two");
    harness.publish(grpcView(4, one.port));
    await until(async () => (await client.greet()) === "one");
    await harness.reported("settled 4");
  });
});

function grpcView(generation: number, port: number, cluster: { readonly type: string } = { type: "EDS" }) {
  const ads = { ads: {}, resource_api_version: "V3" };
  const url = "type.googleapis.com/envoy.extensions.filters";
  const api = {
    "@type": `${url}.network.http_connection_manager.v3.HttpConnectionManager`,
    rds: { route_config_name: "routes", config_source: ads },
    http_filters: [{ name: "router", typed_config: { "@type": `${url}.http.router.v3.Router` } }],
  };
  const routes = [{ match: { prefix: "" }, route: { cluster: "greeters" } }];
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  const locality = { region: "here" };
  const endpoints = [{ locality, load_balancing_weight: 1, lb_endpoints: [{ endpoint: { address } }] }];
  return envoyView(
    generation,
    {
      listener: { greeter: encodeResource("listener", { name: "greeter", api_listener: { api_listener: api } }) },
      route: {
        routes: encodeResource("route", {
          name: "routes",
          virtual_hosts: [{ name: "all", domains: ["*"], routes }],
        }),
      },
      cluster: {
        greeters: encodeResource("cluster", {
          name: "greeters",
          ...cluster,
          eds_cluster_config: { eds_config: ads, service_name: "greeters" },
        }),
        // Not asked for: a client that names its clusters gets no others.
        other: encodeResource("cluster", { name: "other", type: "EDS", eds_cluster_config: { eds_config: ads } }),
      },
      endpoint: { greeters: encodeResource("endpoint", { cluster_name: "greeters", endpoints }) },
    },
    true,
  );
}

const greeting = {
  greet: {
    path: "/test.Greeter/Greet",
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  },
} as const;

async function startGreeter(name: string): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = new Server();
  server.addService(greeting, {
    greet: (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(null, Buffer.from(name)),
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  return {
    port: await promise,
    [Symbol.asyncDispose]: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** The client library speaks to its server in plaintext only, so TLS is put around it here. */
async function startXdsGreeterClient(harness: XdsHarness): Promise<{ greet(): Promise<string> } & AsyncDisposable> {
  register();
  const wrapper = createServer((plain) => {
    const wrapped = connect({
      port: harness.server.port,
      host: "127.0.0.1",
      ca: harness.roots,
      servername: serverName,
      ALPNProtocols: ["h2"],
    });
    plain.pipe(wrapped).pipe(plain);
    plain.on("error", () => wrapped.destroy());
    wrapped.on("error", () => plain.destroy());
  }).listen(0, "127.0.0.1");
  await once(wrapper, "listening");
  const { port } = wrapper.address() as AddressInfo;
  const bootstrap = {
    xds_servers: [
      { server_uri: `127.0.0.1:${port}`, channel_creds: [{ type: "insecure" }], server_features: ["xds_v3"] },
    ],
    node: { id: "grpc-test", locality: {} },
  };
  const client = new Client("xds:///greeter", credentials.createInsecure(), {
    "grpc.TEST_ONLY_DO_NOT_USE_IN_PROD.xds_bootstrap_config": JSON.stringify(bootstrap),
  });
  return {
    greet() {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const { path, requestSerialize, responseDeserialize } = greeting.greet;
      const deadline = new Date(Date.now() + 10_000);
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        Buffer.from(""),
        { deadline },
        (error: Error | null, answer?: Buffer) => (error === null ? resolve(String(answer)) : reject(error)),
      );
      return within(promise, "a greeting");
    },
    async [Symbol.asyncDispose]() {
      client.close();
      wrapper.close();
      await delay(0);
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    assert.ok(tries < 600, "it did not come to be");
    await delay(50);
  }
}
