import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { arbitraryText } from "../../../test/support/arbitrary-text.ts";
import { socketAddress } from "./addresses.ts";
import { any, encode } from "./encode.ts";
import { Cluster } from "./gen/envoy/config/cluster/v3/cluster.ts";
import { Listener } from "./gen/envoy/config/listener/v3/listener.ts";
import { template } from "./template.ts";

interface Values {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** Marks at the top, in messages in messages, twice, and between fields that stay. */
function listener({ name, address, port }: Values): Uint8Array {
  const filter = {
    name,
    configType: { $case: "typedConfig", value: any(Cluster, { name, altStatName: "x" }) },
  } as const;
  return encode(Listener, {
    name,
    address: socketAddress(address, port),
    filterChains: [{ filters: [filter, filter] }],
  });
}

test("a template gives the bytes of the encoder, for texts and numbers of any length", () => {
  const fill = template({ texts: ["name", "address"], numbers: ["port"] }, listener);
  const text = fc.oneof(
    arbitraryText.filter((value) => value !== ""),
    fc.integer({ min: 1, max: 20_000 }).map((length) => "n".repeat(length)),
  );
  fc.assert(
    fc.property(text, text, fc.integer({ min: 1, max: 0xffff_ffff }), (name, address, port) => {
      assert.deepEqual(fill({ name, address, port }), listener({ name, address, port }));
    }),
  );
});

test("a hole must be a field, and all of it", () => {
  assert.throws(() => template({ texts: ["name"] }, ({ name }) => encode(Cluster, { name: `${name}/1` })));
  assert.throws(() => template({ texts: ["name", "other"] }, ({ name }) => encode(Cluster, { name })));
});
