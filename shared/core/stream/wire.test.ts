import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createFileRegistry, fromBinary, fromJson, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { typeUrls } from "../xds/resource.ts";
import { decodeDeltaRequest, decodeSotwRequest } from "./requests.ts";
import { encodeDeltaResponse, encodeSotwResponse } from "./responses.ts";
import type { ViewResource } from "./view.ts";

const descriptors = readFileSync(new URL("../xds/gen/descriptors.binpb", import.meta.url));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const discovery = "envoy.service.discovery.v3";

function schemaOf(name: string) {
  const schema = registry.getMessage(`${discovery}.${name}`);
  assert.ok(schema);
  return schema;
}

function encode(name: string, content: JsonObject): Uint8Array {
  return toBinary(schemaOf(name), fromJson(schemaOf(name), content, { registry }));
}

function decode(name: string, bytes: Uint8Array): unknown {
  return toJson(schemaOf(name), fromBinary(schemaOf(name), bytes), { registry });
}

const node = {
  id: "cart-1",
  cluster: "shop",
  userAgentName: "envoy",
  userAgentBuildVersion: { version: { majorNumber: 1, minorNumber: 40, patch: 2 }, metadata: { revision: "abc" } },
  metadata: { pod: "cart-1", weight: -1.5, on: true, nothing: null, labels: ["a", { b: ["ü"] }] },
  extensions: [{ name: "envoy.filters.http.router", category: "envoy.filters.http", typeUrls: ["a.B"] }],
  locality: { region: "r" },
};
const decodedNode = { id: "cart-1", cluster: "shop", version: "1.40.2", metadata: node.metadata };
const errorDetail = { code: 13, message: "nö" };

test("decodeDeltaRequest() reads what protobuf-es writes", () => {
  const bytes = encode("DeltaDiscoveryRequest", {
    node,
    typeUrl: typeUrls.cluster,
    resourceNamesSubscribe: ["a", "b"],
    resourceNamesUnsubscribe: ["c"],
    initialResourceVersions: { a: "1", b: "2" },
    responseNonce: "7",
    errorDetail,
  });
  assert.deepEqual(decodeDeltaRequest(bytes), {
    node: decodedNode,
    typeUrl: typeUrls.cluster,
    subscribe: ["a", "b"],
    unsubscribe: ["c"],
    initialVersions: new Map([
      ["a", "1"],
      ["b", "2"],
    ]),
    nonce: "7",
    error: { message: "nö" },
  });
});

test("decodeSotwRequest() reads what protobuf-es writes", () => {
  const bytes = encode("DiscoveryRequest", {
    node,
    versionInfo: "3",
    typeUrl: typeUrls.route,
    resourceNames: ["a", "b"],
    responseNonce: "7",
    errorDetail,
  });
  const { listing, ...request } = decodeSotwRequest(bytes);
  assert.deepEqual(request, {
    node: decodedNode,
    typeUrl: typeUrls.route,
    names: ["a", "b"],
    nonce: "7",
    error: { message: "nö" },
  });
  assert.ok(listing);
});

test("decodeSotwRequest() tells the same list of names from any other without decoding it", () => {
  const listingOf = (names: readonly string[], responseNonce: string) =>
    decodeSotwRequest(
      encode("DiscoveryRequest", { resourceNames: [...names], responseNonce, versionInfo: responseNonce }),
    ).listing;
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.string()), (one, other) => {
      assert.equal(listingOf(one, "1"), listingOf(one, "22"));
      assert.equal(
        listingOf(one, "1") === listingOf(other, "1"),
        one.join("\0") === other.join("\0") && one.length === other.length,
      );
    }),
  );
  assert.notEqual(listingOf(["a\u001a\u0001b"], "1"), listingOf(["a", "b"], "1"));
});

test("a request's node is decoded only where it is asked for", () => {
  const bytes = encode("DeltaDiscoveryRequest", { node, responseNonce: "7" });
  assert.equal(decodeDeltaRequest(bytes, { node: false }).node, undefined);
  assert.equal(decodeSotwRequest(encode("DiscoveryRequest", { node }), { node: false }).node, undefined);
});

test("decodeDeltaRequest() takes any bytes for a message or throws a RangeError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeDeltaRequest(bytes);
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("decodeDeltaRequest() refuses metadata that is nested without end", () => {
  let bytes: Buffer = Buffer.from("");
  const wrap = (field: number, inner: Buffer): Buffer => {
    const length: number[] = [];
    for (let rest = inner.length; ; rest >>= 7) {
      length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
      if (rest <= 0x7f) break;
    }
    return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), inner]);
  };
  // Struct.fields → entry.value → Value.struct_value
  for (let depth = 0; depth < 1000; depth++) bytes = wrap(1, wrap(2, wrap(5, bytes)));
  assert.throws(() => decodeDeltaRequest(wrap(1, wrap(3, bytes))), RangeError);
});

/** Bodies are messages of their type, so that the oracle can open the Any. */
function resourceOf(name: string, version: string): ViewResource {
  const schema = registry.getMessage("envoy.config.cluster.v3.Cluster");
  assert.ok(schema);
  return { name, version, body: toBinary(schema, fromJson(schema, { name })), proven: true };
}

const longName = "n".repeat(300);

test("encodeDeltaResponse() writes what protobuf-es reads", () => {
  const resources = [resourceOf("ä", "1"), resourceOf(longName, "2")];
  const content = { typeUrl: typeUrls.cluster, version: "9", nonce: "4", resources, removed: ["x", "y"] };
  assert.deepEqual(decode("DeltaDiscoveryResponse", encodeDeltaResponse(content)), {
    systemVersionInfo: "9",
    resources: [
      { name: "ä", version: "1", resource: { "@type": typeUrls.cluster, name: "ä" } },
      { name: longName, version: "2", resource: { "@type": typeUrls.cluster, name: longName } },
    ],
    typeUrl: typeUrls.cluster,
    nonce: "4",
    removedResources: ["x", "y"],
  });
});

test("encodeSotwResponse() writes what protobuf-es reads", () => {
  const bytes = encodeSotwResponse({
    typeUrl: typeUrls.cluster,
    version: "9",
    nonce: "4",
    resources: [resourceOf("a", "1"), resourceOf(longName, "2")],
  });
  assert.deepEqual(decode("DiscoveryResponse", bytes), {
    versionInfo: "9",
    resources: [
      { "@type": typeUrls.cluster, name: "a" },
      { "@type": typeUrls.cluster, name: longName },
    ],
    typeUrl: typeUrls.cluster,
    nonce: "4",
  });
});
