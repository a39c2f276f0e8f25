import assert from "node:assert/strict";
import { test } from "node:test";
import { accountKey, type ClassKey } from "../../shared/core/mesh/mesh.ts";
import { type ClassChange, planWaves } from "./waves.ts";

const account = (name: string) => accountKey("shop", name);

/** `ports` and `reaches` in a word each: `"ab"`; `had` is of a class whose proxies do not all have the same ports. */
function change(
  name: string,
  ports: readonly [before: string | undefined, after: string],
  { reaches = ["", ""], inAll }: { readonly reaches?: readonly [string, string]; readonly inAll?: string } = {},
): ClassChange {
  const accounts = (names: string) => new Set(names.split("").map(account));
  const [before, after] = ports;
  return {
    key: name as ClassKey,
    account: account(name),
    before:
      before === undefined
        ? undefined
        : { ports: new Set(before), portsOfAll: new Set(inAll ?? before), reaches: accounts(reaches[0]) },
    after: { ports: new Set(after), reaches: accounts(reaches[1]) },
  };
}

function waits(...changes: readonly ClassChange[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...planWaves(changes)].map(([key, wait]) => [
      key,
      `view ${wait.forView.join("")}, chains ${wait.forChains.join("")}`,
    ]),
  );
}

test("nobody waits when no class gains or loses a chain", () => {
  assert.deepEqual(waits(change("s", ["1", "1"]), change("c", ["", ""], { reaches: ["", "s"] })), {});
});

test("clients wait for the servers that gain a chain, and nobody else does", () => {
  assert.deepEqual(
    waits(
      change("s", ["1", "12"]),
      change("c", ["", ""], { reaches: ["", "s"] }),
      change("d", ["1", "1"], { reaches: ["s", "t"] }),
      change("t", ["1", "1"]),
    ),
    { c: "view s, chains " },
  );
});

test("a server that not all proxies of its class have a chain of gains it", () => {
  assert.deepEqual(waits(change("s", ["12", "12"], { inAll: "1" }), change("c", ["", ""], { reaches: ["s", "s"] })), {
    c: "view s, chains ",
  });
});

test("classes that gain a chain wait for nobody, though they reach each other", () => {
  assert.deepEqual(
    waits(change("s", ["1", "12"], { reaches: ["t", "t"] }), change("t", ["1", "12"], { reaches: ["s", "s"] })),
    {},
  );
});

test("chains that go wait for the clients that reached them, whether these still do or not", () => {
  assert.deepEqual(
    waits(
      change("s", ["12", "1"]),
      change("c", ["", ""], { reaches: ["s", ""] }),
      change("d", ["", ""], { reaches: ["s", "s"] }),
      change("e", ["", ""], { reaches: ["", "s"] }),
    ),
    { s: "view , chains cd" },
  );
});

test("chains that nobody reached go at once", () => {
  assert.deepEqual(waits(change("s", ["12", "1"], { reaches: ["s", "s"] }), change("c", ["", ""])), {});
});

test("a class no proxy of which has acknowledged anything neither waits nor is waited for", () => {
  assert.deepEqual(
    waits(change("s", [undefined, "1"]), change("c", ["", ""], { reaches: ["", "s"] }), change("t", ["", "1"])),
    {},
  );
  assert.deepEqual(waits(change("c", [undefined, ""], { reaches: ["", "t"] }), change("t", ["", "1"])), {});
});
