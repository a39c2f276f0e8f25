import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { decodeProtobuf } from "./decode-message.ts";

type Write = (writer: BinaryWriter) => BinaryWriter;
const message = (...fields: Write[]): Uint8Array =>
  fields.reduce((writer, field) => field(writer), new BinaryWriter()).finish();
const text =
  (number: number, value: string): Write =>
  (writer) =>
    writer.uint32((number << 3) | 2).string(value);
const bytes =
  (number: number, value: Uint8Array): Write =>
  (writer) =>
    writer.uint32((number << 3) | 2).bytes(value);
const integer =
  (number: number, value: number): Write =>
  (writer) =>
    writer.uint32(number << 3).int64(value);

const envelope = (apiVersion: string, kind: string, raw: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from("k8s\0"), message(bytes(1, message(text(1, apiVersion), text(2, kind))), bytes(2, raw))]);

describe("decodeProtobuf()", () => {
  it("reads what kubectl creates, without Go's zero values", () => {
    const metadata = message(
      text(1, "web"),
      text(2, ""),
      bytes(8, message()),
      bytes(11, message(text(1, "app"), text(2, "x"))),
    );
    const targetPort = message(integer(1, 1), integer(2, 0), text(3, "http"));
    const port = message(text(1, "http"), text(2, "TCP"), integer(3, 80), bytes(4, targetPort), integer(5, 0));
    const spec = message(
      bytes(1, port),
      bytes(2, message(text(1, "app"), text(2, "x"))),
      text(3, ""),
      text(4, "ClusterIP"),
    );
    const body = envelope("v1", "Service", message(bytes(1, metadata), bytes(2, spec), bytes(3, message())));
    assert.deepEqual(decodeProtobuf(body), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", labels: { app: "x" } },
      spec: {
        ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: "http" }],
        selector: { app: "x" },
        type: "ClusterIP",
      },
    });
  });

  it("reads bytes, times and names that are written otherwise in JSON", () => {
    const owner = message(text(5, "v1"), text(1, "Pod"), text(3, "a"), text(4, "uid-1"));
    const metadata = message(text(1, "s"), bytes(8, message(integer(1, 1_767_323_045))), bytes(13, owner));
    const entry = message(text(1, "key"), bytes(2, Buffer.from("hi")));
    const secret = decodeProtobuf(
      envelope("v1", "Secret", message(bytes(1, metadata), bytes(2, entry), text(3, "Opaque"))),
    );
    assert.deepEqual(secret, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: "s",
        creationTimestamp: "2026-01-02T03:04:05Z",
        ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "a", uid: "uid-1" }],
      },
      data: { key: "aGk=" },
      type: "Opaque",
    });
  });

  it("refuses kinds that it does not know", () => {
    assert.throws(
      () => decodeProtobuf(envelope("apps/v1", "Deployment", message())),
      /Deployment in version "apps\/v1"/,
    );
    assert.throws(() => decodeProtobuf(Buffer.from("{}")), /not Kubernetes' protobuf/);
  });
});
