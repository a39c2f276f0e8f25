import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createStreamFixture, type StreamFixture, type ViewContent, viewOf } from "./stream-fixture.ts";

/** One that has acknowledged all, and whose questions the test answers. */
function serving(content: ViewContent): StreamFixture {
  const stream = createStreamFixture("delta", true);
  stream.view(viewOf(1, content));
  stream.request("cluster");
  stream.request("listener");
  for (const type of ["endpoint", "secret", "route", "extension"] as const) {
    const names = Object.keys(content[type] ?? {});
    if (names.length > 0) stream.request(type, { subscribe: names });
  }
  stream.acceptAll();
  return stream;
}

describe("step(): versions that nobody has acknowledged", () => {
  it("are asked about once, and wait while what is proven goes", () => {
    const stream = serving({ cluster: { a: "1", b: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2?", b: "2" } }));
    assert.deepEqual(
      stream.take().map((one) => (one.kind === "send" ? one.resources[0]?.name : one)),
      [{ kind: "ask", type: "cluster", names: [{ name: "a", version: "2?" }] }, "b"],
    );
    stream.acceptAll();
    assert.deepEqual(stream.take(), []);
    assert.equal(stream.stream.settled, undefined);
  });

  it("go alone, or together when they are proven", () => {
    const stream = serving({ cluster: { a: "1", b: "1", c: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2?", b: "2?", c: "2?" } }));
    stream.take();
    stream.judge("cluster", "alone", [{ name: "a", version: "2?" }]);
    assert.deepEqual(stream.sent(), ["cluster +a@2? #3"]);
    stream.judge(
      "cluster",
      "proven",
      ["b", "c"].map((name) => ({ name, version: "2?" })),
    );
    assert.deepEqual(stream.sent(), ["cluster +b@2? +c@2? #4"]);
    stream.acceptAll();
    stream.accept("cluster", "3");
    stream.accept("cluster", "4");
    assert.equal(stream.stream.settled, 2);
  });

  it("are withheld when another proxy refused them, until the version changes or proves good", () => {
    const stream = serving({ cluster: { a: "1", b: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2?", b: "2?" } }));
    stream.take();
    const names = [{ name: "a", version: "2?" }];
    stream.judge("cluster", "refused", names);
    stream.judge("cluster", "refused", [{ name: "b", version: "2?" }]);
    assert.deepEqual(stream.take(), [
      { kind: "withheld", type: "cluster", names, message: "judged" },
      { kind: "withheld", type: "cluster", names: [{ name: "b", version: "2?" }], message: "judged" },
    ]);
    stream.view(viewOf(3, { cluster: { a: "2?", b: "3" } }));
    assert.deepEqual(stream.sent(), ["cluster +b@3 #3"]);
    stream.accept("cluster", "3");
    stream.take();
    stream.judge("cluster", "proven", names);
    assert.deepEqual(stream.sent(), ["cluster +a@2? #4"]);
  });

  it("are forgotten when another version is wanted before the verdict", () => {
    const stream = serving({ cluster: { a: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2?" } }));
    stream.view(viewOf(3, { cluster: { a: "3?" } }));
    assert.deepEqual(
      stream.take(),
      ["2?", "3?"].map((version) => ({ kind: "ask", type: "cluster", names: [{ name: "a", version }] })),
    );
    for (const verdict of ["alone", "refused", "proven"] as const)
      stream.judge("cluster", verdict, [{ name: "a", version: "2?" }]);
    assert.deepEqual(stream.take(), []);
    stream.view(viewOf(4, { cluster: { a: "1" } }));
    assert.equal(stream.stream.settled, 4);
  });

  it("are not asked about in a first load, nor among endpoints and secrets, nor when they end access", () => {
    const stream = serving({
      cluster: { a: "1?" },
      endpoint: { a: "1" },
      secret: { s: "1" },
      listener: { l: "1(x)" },
      extension: { x: "1[ab]" },
    });
    stream.view(
      viewOf(2, {
        cluster: { a: "1?" },
        endpoint: { a: "2?" },
        secret: { s: "2?" },
        listener: { l: "1(x)" },
        extension: { x: "2[a]?" },
      }),
    );
    const kinds = new Set<string>();
    for (let rounds = 0; rounds < 6; rounds++) {
      for (const one of stream.take()) {
        kinds.add(one.kind);
        if (one.kind === "send") stream.accept(one.type, one.nonce);
      }
    }
    assert.deepEqual([...kinds].sort(), ["acknowledged", "send", "settled"]);
    assert.equal(stream.stream.settled, 2);
  });
});
