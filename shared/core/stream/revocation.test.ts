import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StreamProtocol } from "./stream.ts";
import { createStreamFixture, type StreamFixture, viewOf } from "./stream-fixture.ts";

/** A server with two TCP ports: x asked by RBAC, s by the handshake. */
function content(x: string, s = "1[ab]", listener = "1(xs)"): Parameters<typeof viewOf>[1] {
  return { cluster: { local: "1" }, listener: { inbound: listener }, extension: { x }, secret: { s } };
}

type Held = Partial<Record<"listener" | "extension" | "secret", readonly (readonly [string, string])[]>>;

function connect(
  view: Parameters<typeof viewOf>[1],
  { protocol, held = {} }: { readonly protocol?: StreamProtocol; readonly held?: Held } = {},
): StreamFixture {
  const stream = createStreamFixture(protocol);
  stream.view(viewOf(1, view));
  stream.request("cluster", { held: new Map(held.listener ? [["local", "1"]] : []) });
  stream.request("listener", { held: new Map(held.listener) });
  stream.request("secret", { subscribe: ["s"], held: new Map(held.secret) });
  stream.request("extension", { subscribe: ["x"], held: new Map(held.extension) });
  return stream;
}

/** One that has acknowledged everything. */
function serving(view: Parameters<typeof viewOf>[1], protocol?: StreamProtocol): StreamFixture {
  const stream = connect(view, { ...(protocol && { protocol }) });
  stream.acceptAll();
  return stream;
}

/** What is sent until the proxy has acknowledged everything, as `type +name@version`. */
function sentUntilQuiet(stream: StreamFixture): string[] {
  return stream
    .acceptAll()
    .filter(({ resources }) => resources.length > 0)
    .map(({ type, resources }) => `${type}${resources.map(({ name, version }) => ` +${name}@${version}`).join("")}`);
}

function isSettled({ stream }: StreamFixture): boolean {
  return stream.settled === stream.view?.generation;
}

describe("step(): revocation of connections", () => {
  for (const protocol of ["delta", "sotw"] as const) {
    it(`renames the chain of a policy that lets in fewer, once it is acknowledged, and ends with the ordinary versions (${protocol})`, () => {
      const stream = serving(content("1[ab]"), protocol);
      stream.view(viewOf(2, content("2[a]")));
      assert.deepEqual(sentUntilQuiet(stream), [
        "extension +x@2[a]~",
        "listener +inbound@1(xs){x}",
        "extension +x@2[a]",
        "listener +inbound@1(xs)",
      ]);
      assert.ok(isSettled(stream));
    });
  }

  it("does the same for the trust of a server-first port", () => {
    const stream = serving(content("1[a]", "1[*]"));
    stream.view(viewOf(2, content("1[a]", "2[ab]")));
    assert.deepEqual(sentUntilQuiet(stream), [
      "secret +s@2[ab]~",
      "listener +inbound@1(xs){s}",
      "secret +s@2[ab]",
      "listener +inbound@1(xs)",
    ]);
  });

  it("disturbs nobody when a policy lets in more, or the same under another version", () => {
    const stream = serving(content("1[ab]", "1[a]"));
    for (const [index, [x, s]] of [
      ["2[abc]", "1[a]"],
      ["3[*]", "1[a]"],
      ["3[*]", "2[a]"],
    ].entries()) {
      stream.view(viewOf(index + 2, content(x ?? "", s)));
      const sent = sentUntilQuiet(stream);
      assert.equal(sent.length, 1, sent.join());
      assert.match(sent[0] ?? "", /^(extension|secret) \+.@\d\[.*\]$/);
    }
  });

  it("tells nobody else of versions that are for a while", () => {
    const stream = serving(content("1[ab]"));
    stream.view(viewOf(2, content("2[a]")));
    stream.accept("extension", "5");
    const acknowledged = stream.take().flatMap((one) => (one.kind === "acknowledged" ? one.names : []));
    assert.deepEqual(acknowledged, [{ name: "x", version: "2[a]" }]);
    assert.equal(isSettled(stream), false, "until the connections are being ended");
    stream.refuse("listener", "6");
    assert.deepEqual(stream.take(), [
      { kind: "refused", type: "listener", names: [{ name: "inbound", version: "1(xs)" }], message: "bad" },
    ]);
    stream.view(viewOf(3, content("2[a]", "1[ab]", "2(xs)")));
    assert.deepEqual(sentUntilQuiet(stream), [
      "listener +inbound@2(xs){x}",
      "extension +x@2[a]",
      "listener +inbound@2(xs)",
    ]);
    assert.ok(isSettled(stream));
  });

  it("renames the chains of several revocations together", () => {
    const stream = serving(content("1[ab]", "1[ab]"));
    stream.view(viewOf(2, content("2[a]", "2[a]")));
    assert.deepEqual(stream.sent(), ["secret +s@2[a]~ #5", "extension +x@2[a]~ #6"]);
    stream.accept("secret", "5");
    stream.accept("extension", "6");
    assert.deepEqual(stream.sent(), ["listener +inbound@1(xs){s} #7"]);
    stream.accept("listener", "7");
    assert.deepEqual(stream.sent(), ["secret +s@2[a] #8", "listener +inbound@1(xs){xs} #9"]);
  });

  it("renames once more when a grant goes while the ordinary chain is on its way back", () => {
    const stream = serving(content("1[abc]"));
    stream.view(viewOf(2, content("2[ab]")));
    for (const [type, nonce] of [
      ["extension", "5"],
      ["listener", "6"],
      ["extension", "7"],
    ] as const)
      stream.accept(type, nonce);
    assert.equal(stream.sent().at(-1), "listener +inbound@1(xs) #8");
    stream.view(viewOf(3, content("3[a]")));
    stream.accept("listener", "8");
    assert.ok(sentUntilQuiet(stream).includes("listener +inbound@1(xs){x}"));
    assert.ok(isSettled(stream));
  });

  it("needs no renaming for a chain that is new or that goes", () => {
    const stream = serving(content("1[ab]", "1[ab]", "1(s)"));
    stream.view(viewOf(2, content("2[a]", "1[ab]", "1(s)")));
    assert.deepEqual(sentUntilQuiet(stream), ["extension +x@2[a]"], "no listener asks it");
  });
});

describe("step(): revocation and reconnects", () => {
  const ordinary = { listener: [["inbound", "1(xs)"]], secret: [["s", "1[ab]"]] } as const;

  it("takes another version than the wanted one for a revocation", () => {
    const stream = connect(content("2[a]"), { held: { ...ordinary, extension: [["x", "1[ab]"]] } });
    const sent = sentUntilQuiet(stream);
    assert.deepEqual(
      sent.filter((one) => /extension|listener/.test(one)),
      ["extension +x@2[a]~", "listener +inbound@1(xs){x}", "extension +x@2[a]", "listener +inbound@1(xs)"],
    );
    assert.ok(isSettled(stream));
  });

  it("goes on where the stream broke: the policy was there, the listener not yet", () => {
    const stream = connect(content("2[a]"), { held: { ...ordinary, extension: [["x", "2[a]~"]] } });
    assert.deepEqual(
      sentUntilQuiet(stream).filter((one) => /extension|listener/.test(one)),
      ["listener +inbound@1(xs){x}", "extension +x@2[a]", "listener +inbound@1(xs)"],
    );
  });

  it("goes on where the stream broke: the chain was renamed", () => {
    const stream = connect(content("2[a]"), {
      held: { ...ordinary, listener: [["inbound", "1(xs){x}"]], extension: [["x", "2[a]"]] },
    });
    assert.deepEqual(
      sentUntilQuiet(stream).filter((one) => /extension|listener/.test(one)),
      ["listener +inbound@1(xs)"],
    );
  });

  it("takes a policy that the proxy does not hold, of a listener that it does, for one that was withdrawn", () => {
    const stream = connect(content("2[a]"), { held: ordinary });
    assert.deepEqual(
      sentUntilQuiet(stream).filter((one) => /extension|listener/.test(one)),
      ["extension +x@2[a]~", "listener +inbound@1(xs){x}", "extension +x@2[a]", "listener +inbound@1(xs)"],
    );
  });

  it("sends nothing to a proxy that has it all", () => {
    const stream = connect(content("2[a]"), { held: { ...ordinary, extension: [["x", "2[a]"]] } });
    assert.deepEqual(sentUntilQuiet(stream), []);
    assert.ok(isSettled(stream));
  });
});
