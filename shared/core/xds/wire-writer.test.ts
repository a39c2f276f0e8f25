import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { arbitraryText } from "../../../test/support/arbitrary-text.ts";
import { WireWriter } from "./wire-writer.ts";

type Call =
  | readonly ["uint32" | "int32" | "uint64" | "int64" | "double" | "float", number]
  | readonly ["bool", boolean]
  | readonly ["string", string]
  | readonly ["bytes" | "raw", Uint8Array]
  | readonly ["tag", number, number]
  | readonly ["message", readonly Call[]];

function write(writer: WireWriter | BinaryWriter, calls: readonly Call[]): void {
  for (const call of calls) {
    switch (call[0]) {
      case "bool":
        writer.bool(call[1]);
        break;
      case "string":
        writer.string(call[1]);
        break;
      case "bytes":
      case "raw":
        writer[call[0]](call[1]);
        break;
      case "tag":
        writer.tag(call[1], call[2]);
        break;
      case "message":
        writer.fork();
        write(writer, call[1]);
        writer.join();
        break;
      default:
        writer[call[0]](call[1]);
    }
  }
}

const { calls } = fc.letrec<{ calls: readonly Call[]; call: Call }>((tie) => ({
  calls: fc.array(tie("call"), { maxLength: 12 }),
  call: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(fc.constant("uint32" as const), fc.integer({ min: 0, max: 0xffff_ffff })),
    fc.tuple(fc.constant("int32" as const), fc.integer()),
    fc.tuple(fc.constant("uint64" as const), fc.maxSafeNat()),
    fc.tuple(fc.constant("int64" as const), fc.maxSafeInteger()),
    fc.tuple(fc.constantFrom("double" as const, "float" as const), fc.float()),
    fc.tuple(fc.constant("bool" as const), fc.boolean()),
    fc.tuple(fc.constant("string" as const), arbitraryText),
    fc.tuple(fc.constantFrom("bytes" as const, "raw" as const), fc.uint8Array({ maxLength: 400 })),
    fc.tuple(fc.constant("tag" as const), fc.integer({ min: 1, max: 5000 }), fc.constantFrom(0, 1, 2, 5)),
    fc.tuple(fc.constant("message" as const), tie("calls")),
  ),
}));

test("WireWriter writes what the library writes, again and again", () => {
  const writer = new WireWriter();
  fc.assert(
    fc.property(calls, (sequence) => {
      const expected = new BinaryWriter();
      write(expected, sequence);
      write(writer, sequence);
      assert.deepEqual(Buffer.from(writer.finish()), Buffer.from(expected.finish()));
    }),
    { numRuns: 500 },
  );
});

test("WireWriter shifts a message to where its length ends, also at the end of the buffer", () => {
  for (const length of [0, 1, 126, 127, 128, 129, 505, 510, 511, 512, 16_383, 16_384, 70_000]) {
    const text = "a".repeat(length);
    const expected = new BinaryWriter().fork().fork().string(text).join().join().finish();
    for (const [outer, inner] of [
      [1, 1],
      [2, 1],
      [2, 2],
      [3, 5],
    ]) {
      const written = new WireWriter().fork(outer).fork(inner).string(text).join().join().finish();
      assert.deepEqual(Buffer.from(written), Buffer.from(expected));
    }
  }
});

test("WireWriter refuses numbers that do not fit", () => {
  const writer = new WireWriter();
  for (const value of [-1, 1.5, 2 ** 32, Number.NaN]) assert.throws(() => writer.uint32(value), RangeError);
  for (const value of [2 ** 31, -(2 ** 31) - 1]) assert.throws(() => writer.int32(value), RangeError);
  assert.throws(() => writer.uint64(2 ** 53), RangeError);
});

test("WireWriter returns memory of its own", () => {
  const writer = new WireWriter();
  const first = writer.string("first").finish();
  writer.string("other").finish();
  assert.equal(Buffer.from(first).toString(), "\u0005first");
});
