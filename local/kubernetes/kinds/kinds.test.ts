import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseApiPath } from "../http/api-path.ts";
import { negotiate } from "../http/media-type.ts";
import { comparePriority } from "./custom-kinds.ts";
import { createServiceAddresses } from "./service-addresses.ts";

describe("service addresses", () => {
  it("are given from the range, each once", () => {
    const addresses = createServiceAddresses("10.9.8.0/29");
    assert.equal(addresses.first, "10.9.8.1");
    const used = new Set([addresses.first]);
    for (let address = addresses.free(used); address !== undefined; address = addresses.free(used)) {
      assert.ok(addresses.contains(address) && !used.has(address), address);
      used.add(address);
    }
    assert.equal(used.size, 6);
    assert.ok(!addresses.contains("10.9.8.8"));
  });

  it("come from a range only", () => {
    assert.throws(() => createServiceAddresses("10.0.0.0"), /10.0.0.0 is not an IPv4 range/);
  });
});

describe("versions", () => {
  it("are ordered as Kubernetes orders them", () => {
    const versions = ["v1alpha1", "v2", "foo", "v1beta2", "v1", "v1beta1", "v10"];
    assert.deepEqual(
      versions.sort((a, b) => comparePriority(b, a)),
      ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"],
    );
  });
});

describe("parseApiPath()", () => {
  const parts = (path: string): unknown => {
    const found = parseApiPath(path);
    return found === undefined ? undefined : Object.values(found);
  };

  it("finds kind, place, name and subresource", () => {
    assert.deepEqual(parts("/api/v1/pods"), ["", "v1", undefined, "pods", undefined, undefined]);
    assert.deepEqual(parts("/api/v1/namespaces/a/pods/b/status"), ["", "v1", "a", "pods", "b", "status"]);
    assert.deepEqual(parts("/api/v1/namespaces/a"), ["", "v1", undefined, "namespaces", "a", undefined]);
    assert.deepEqual(parts("/api/v1/namespaces/a/finalize"), ["", "v1", undefined, "namespaces", "a", "finalize"]);
    assert.deepEqual(parts("/apis/g.h/v2/namespaces/a/things"), ["g.h", "v2", "a", "things", undefined, undefined]);
    assert.deepEqual(
      [parts("/metrics"), parts("/apis/g/v1"), parts("/api/v1/namespaces/a/pods/b/status/more")],
      [undefined, undefined, undefined],
    );
  });
});

describe("negotiate()", () => {
  it("takes the first form that is offered", () => {
    const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    assert.equal(negotiate(table, ["object", "table"]).form, "table");
    assert.equal(negotiate(table, ["object"]).form, "object");
    assert.equal(negotiate("application/vnd.kubernetes.protobuf,application/json", ["object"]).form, "object");
    assert.equal(negotiate(undefined, ["object"]).form, "object");
    assert.throws(
      () => negotiate("application/vnd.kubernetes.protobuf", ["object"]),
      /only the following media types are accepted/,
    );
  });
});
