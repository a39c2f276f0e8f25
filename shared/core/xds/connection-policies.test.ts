import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMessage } from "../../../local/proxies/messages.ts";
import { grant, mesh, settings, workload } from "../../../test/support/envoy-ads/meshes.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { type Peers, peersOf, renameChains, trustedPeers } from "./connection-policies.ts";
import { typeUrls } from "./resource.ts";
import { translate } from "./translate.ts";

const server = workload("cart", { 900: "tcp", 9000: "tcp", 9001: "tcp-server-first", 8080: "http" });

function bodyOf(name: string, parts: Partial<Mesh>): Uint8Array {
  const body = translate(mesh({ workloads: [server], ...parts }), server).find(
    (resource) => resource.name === name,
  )?.body;
  assert.ok(body !== undefined, name);
  return body;
}

function peersGiven(...from: readonly string[]): Peers {
  return peersOf(
    bodyOf("authz-tcp-9000", { grants: from.map((one) => grant(one, [one], { to: "cart", tcp: { ports: [9000] } })) }),
  );
}

test("who may connect is read off the policy as it is sent", () => {
  const one = peersGiven("a");
  const both = peersGiven("b", "a");
  assert.ok(one !== "any" && both !== "any");
  assert.equal(one.size, 2, "an account has a URI and a DNS name");
  assert.deepEqual(
    [...one].filter((peer) => !both.has(peer)),
    [],
  );
  assert.equal(both.size, 4);
  assert.deepEqual(peersGiven(), new Set());
  assert.equal(peersOf(bodyOf("authz-tcp-9000", { settings: settings({ mode: "permissive" }) })), "any");
});

test("who may connect to a server-first port is in its trust set", () => {
  assert.equal(trustedPeers({ names: "any" }), "any");
  assert.deepEqual(
    trustedPeers({
      names: [
        { kind: "dns", name: "a" },
        { kind: "uri", name: "a" },
      ],
    }),
    new Set(["dns:a", "uri:a"]),
  );
  assert.deepEqual(trustedPeers({ names: [] }), new Set());
});

test("renaming changes the names of the chains that are meant, and nothing else", () => {
  const body = bodyOf("inbound", {});
  const read = (bytes: Uint8Array): string => JSON.stringify(decodeMessage(typeUrls.listener, bytes));
  const renamed = renameChains(body, ["authz-tcp-900", "trust-9001"]);
  assert.notEqual(Buffer.from(renamed.body).toString("hex"), Buffer.from(body).toString("hex"));
  assert.equal(
    read(renamed.body),
    read(body).replace('"inbound/900"', '"inbound~900"').replace('"inbound/9001"', '"inbound~9001"'),
  );
  assert.equal(renamed.version, renameChains(body, ["authz-tcp-900", "trust-9001"]).version);
  assert.throws(() => renameChains(body, ["authz-tcp-7"]), /not one chain/);
});
