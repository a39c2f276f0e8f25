import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { contentHash } from "../canonical.ts";
import type { EnvoyType } from "../xds/resource.ts";
import { createStreamFixture, type StreamFixture, viewOf } from "./stream-fixture.ts";

/** A proxy that has loaded a view and acknowledged all of it. */
function settledStream(content: Parameters<typeof viewOf>[1]): StreamFixture {
  const stream = createStreamFixture();
  stream.view(viewOf(1, content));
  stream.request("cluster");
  for (const type of ["endpoint", "secret", "route", "extension"] as const) {
    const names = Object.keys(content[type] ?? {});
    if (names.length > 0) stream.request(type, { subscribe: names });
  }
  stream.request("listener");
  stream.acceptAll();
  stream.pass(1_000);
  return stream;
}

function withEndpoint(version: string) {
  return { cluster: { a: "1" }, endpoint: { a: version } };
}

function answersTo(type: EnvoyType, name: string): string {
  return `${name}@${contentHash(Buffer.from(`absent|${type}|${name}`))}`;
}

describe("step(): loading", () => {
  it("sends the first load of a type in one message, proven or not", () => {
    const stream = createStreamFixture();
    stream.view(viewOf(1, { cluster: { a: "1?", b: "1?" } }));
    stream.request("cluster");
    assert.deepEqual(stream.sent(), ["cluster +a@1? +b@1? #1"]);
  });

  it("answers a wildcard with nothing in it", () => {
    const stream = createStreamFixture();
    stream.view(viewOf(1, {}));
    stream.request("cluster");
    assert.deepEqual(stream.sent(), ["cluster #1"]);
  });

  it("waits for the first view", () => {
    const stream = createStreamFixture();
    stream.request("cluster");
    stream.request("route", { subscribe: ["unknown"] });
    assert.deepEqual(stream.sent(), []);
    stream.view(viewOf(1, { cluster: { a: "1" } }));
    assert.deepEqual(stream.sent(), ["cluster +a@1 #1", `route +${answersTo("route", "unknown")} #2`]);
  });

  it("sends a refused first load again one by one, all in flight together", () => {
    const stream = createStreamFixture();
    stream.view(viewOf(1, { cluster: { a: "1?", b: "1?", c: "1" } }));
    stream.request("cluster");
    stream.take();
    stream.refuse("cluster", "1");
    assert.deepEqual(stream.sent(), ["cluster +a@1? #2", "cluster +b@1? #3", "cluster +c@1 #4"]);
  });

  it("reports what was refused: all of a batch, then the one that went alone", () => {
    const stream = createStreamFixture();
    stream.view(viewOf(1, { cluster: { a: "1?", b: "1?" } }));
    stream.request("cluster");
    stream.refuse("cluster", "1");
    stream.accept("cluster", "2");
    stream.take();
    stream.refuse("cluster", "3");
    assert.deepEqual(stream.take(), [
      { kind: "refused", type: "cluster", names: [{ name: "b", version: "1?" }], message: "bad" },
    ]);
  });
});

describe("step(): changes", () => {
  it("sends only what changed", () => {
    const stream = settledStream({ cluster: { a: "1", b: "1" } });
    stream.view(viewOf(2, { cluster: { a: "1", b: "2", c: "1" } }));
    assert.deepEqual(stream.sent(), ["cluster +b@2 +c@1 #3"]);
  });

  it("sends unproven clusters singly, and proven ones together", () => {
    const stream = settledStream({ cluster: { a: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2?", b: "1?", c: "1", d: "1" } }));
    assert.deepEqual(stream.sent(), ["cluster +c@1 +d@1 #3", "cluster +a@2? #4", "cluster +b@1? #5"]);
  });

  it("batches endpoints and secrets that nobody has acknowledged", () => {
    const stream = settledStream({ cluster: { a: "1", b: "1" }, endpoint: { a: "1", b: "1" } });
    stream.view(viewOf(2, { cluster: { a: "1", b: "1" }, endpoint: { a: "2?", b: "2?" } }));
    assert.deepEqual(stream.sent(), ["endpoint +a@2? +b@2? #4"]);
  });

  it("has one batch of a type on the way, and remembers only the newest meanwhile", () => {
    const stream = settledStream(withEndpoint("1"));
    stream.view(viewOf(2, withEndpoint("2")));
    assert.deepEqual(stream.sent(), ["endpoint +a@2 #4"]);
    stream.view(viewOf(3, withEndpoint("3")));
    stream.view(viewOf(4, withEndpoint("4")));
    assert.deepEqual(stream.sent(), []);
    stream.accept("endpoint", "4");
    assert.deepEqual(stream.sent(), ["endpoint +a@4 #5"]);
  });

  it("sends nothing when a change is taken back before it could go", () => {
    const stream = settledStream(withEndpoint("1"));
    stream.view(viewOf(2, withEndpoint("2")));
    stream.view(viewOf(3, withEndpoint("3")));
    stream.view(viewOf(4, withEndpoint("2")));
    stream.take();
    stream.accept("endpoint", "4");
    assert.deepEqual(stream.take(), [
      { kind: "acknowledged", type: "endpoint", names: [{ name: "a", version: "2" }] },
      { kind: "settled", generation: 4, snapshotVersion: 4 },
    ]);
  });
});

describe("step(): answers", () => {
  it("ignores answers to messages that it never sent or that were answered", () => {
    const stream = settledStream({ cluster: { a: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2" } }));
    stream.take();
    stream.accept("cluster", "1");
    stream.refuse("cluster", "77");
    assert.deepEqual(stream.take(), []);
    stream.accept("cluster", "3");
    assert.equal(stream.take()[0]?.kind, "acknowledged");
  });

  it("does not send a refused version again until it changes", () => {
    const stream = settledStream({ cluster: { a: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2?" } }));
    stream.refuse("cluster", "3");
    stream.take();
    stream.view(viewOf(3, { cluster: { a: "2?", b: "1" } }));
    assert.deepEqual(
      stream.acceptAll().map((send) => send.resources.map((resource) => resource.name)),
      [["b"]],
    );
    stream.view(viewOf(4, { cluster: { a: "3?", b: "1" } }));
    assert.deepEqual(stream.sent(), ["cluster +a@3? #5"]);
  });

  it("is settled when the refused version is withdrawn for the one that the proxy still has", () => {
    const stream = settledStream({ cluster: { a: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2?" } }));
    stream.refuse("cluster", "3");
    assert.equal(
      stream.take().some((output) => output.kind === "settled"),
      false,
    );
    stream.view(viewOf(3, { cluster: { a: "1" } }));
    assert.deepEqual(stream.take(), [{ kind: "settled", generation: 3, snapshotVersion: 3 }]);
  });

  it("asks again for a refused version that is wanted again when a late answer says that the proxy took another one", () => {
    const stream = settledStream({ cluster: { a: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2?" } }));
    stream.refuse("cluster", "3");
    stream.view(viewOf(3, { cluster: { a: "3?" } }));
    stream.pass(5_000);
    stream.view(viewOf(4, { cluster: { a: "2?" } }));
    assert.deepEqual(stream.sent(), ["cluster +a@2? #3", "cluster +a@3? #4"]);
    stream.accept("cluster", "4");
    assert.deepEqual(stream.sent(), ["cluster +a@2? #5"]);
    stream.refuse("cluster", "5");
    assert.deepEqual(
      stream.take().map(({ kind }) => kind),
      ["refused"],
    );
  });

  it("stops waiting for an answer after the limit, and still takes the answer", () => {
    const stream = settledStream({ cluster: { a: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2" } }));
    stream.view(viewOf(3, { cluster: { a: "3", b: "1" } }));
    assert.deepEqual(stream.sent(), ["cluster +a@2 #3"]);
    stream.pass(4_999);
    assert.deepEqual(stream.sent(), []);
    stream.pass(1);
    assert.deepEqual(stream.sent(), ["cluster +b@1 +a@3 #4"]);
    stream.accept("cluster", "3");
    stream.accept("cluster", "4");
    assert.equal(stream.take().at(-1)?.kind, "settled");
  });
});

describe("step(): subscriptions", () => {
  it("answers unknown names at once", () => {
    const stream = settledStream({});
    stream.request("endpoint", { subscribe: ["x"] });
    stream.request("route", { subscribe: ["x"] });
    stream.request("extension", { subscribe: ["x"] });
    stream.request("secret", { subscribe: ["x"] });
    assert.deepEqual(
      stream.sent().map((sent) => sent.replace(/ #.*/, "")),
      [
        `endpoint +${answersTo("endpoint", "x")}`,
        `route +${answersTo("route", "x")}`,
        `extension +${answersTo("extension", "x")}`,
        "secret -x",
      ],
    );
  });

  it("answers a name again when it is asked for again", () => {
    const stream = settledStream({ cluster: { a: "1" }, endpoint: { a: "1" } });
    stream.request("endpoint", { subscribe: ["a"] });
    assert.deepEqual(stream.sent(), ["endpoint +a@1 #4"]);
  });

  it("sends a name that appears after it was answered as unknown", () => {
    const stream = settledStream({});
    stream.request("secret", { subscribe: ["x"] });
    stream.acceptAll();
    stream.view(viewOf(2, { secret: { x: "1" } }));
    assert.deepEqual(stream.sent(), ["secret +x@1 #4"]);
  });

  it("sends nothing for names that are no longer wanted", () => {
    const stream = settledStream({ cluster: { a: "1" }, endpoint: { a: "1" } });
    stream.request("endpoint", { unsubscribe: ["a"] });
    stream.view(viewOf(2, { cluster: { a: "1" }, endpoint: { a: "2" } }));
    assert.deepEqual(stream.sent(), []);
  });

  it("tells what became of a name that is left but still matched by the wildcard", () => {
    const stream = settledStream({ cluster: { a: "1" } });
    stream.request("cluster", { subscribe: ["a", "z"] });
    stream.acceptAll();
    stream.request("cluster", { unsubscribe: ["a", "z"] });
    assert.deepEqual(stream.sent(), ["cluster +a@1 -z #4"]);
  });
});

describe("step(): order", () => {
  it("sends the endpoints of a changed cluster again, right behind it", () => {
    const stream = settledStream({ cluster: { a: "1", b: "1" }, endpoint: { a: "1", b: "1" } });
    stream.view(viewOf(2, { cluster: { a: "2", b: "1" }, endpoint: { a: "1", b: "1" } }));
    assert.deepEqual(stream.sent(), ["cluster +a@2 #4", "endpoint +a@1 #5"]);
  });

  it("holds listeners and routes back until the clusters are acknowledged, but not policies, secrets, endpoints", () => {
    const stream = settledStream({ route: { r: "1" }, extension: { x: "1" }, secret: { s: "1" } });
    stream.view(
      viewOf(2, {
        cluster: { a: "1" },
        listener: { l: "1" },
        route: { r: "2" },
        extension: { x: "2" },
        secret: { s: "2" },
      }),
    );
    assert.deepEqual(stream.sent(), ["cluster +a@1 #6", "secret +s@2 #7", "extension +x@2 #8"]);
    stream.accept("cluster", "6");
    assert.deepEqual(stream.sent(), ["listener +l@1 #9", "route +r@2 #10"]);
  });

  it("holds listeners back no longer than the limit", () => {
    const stream = settledStream({});
    stream.view(viewOf(2, { cluster: { a: "1" }, listener: { l: "1" } }));
    stream.take();
    stream.pass(4_999);
    assert.deepEqual(stream.sent(), []);
    stream.pass(1);
    assert.deepEqual(stream.sent(), ["listener +l@1 #4"]);
  });
});

describe("step(): removals", () => {
  it("removes a cluster when the routes that left it are acknowledged", () => {
    const stream = settledStream({ cluster: { a: "1", b: "1" }, route: { r: "a" } });
    stream.view(viewOf(2, { cluster: { b: "1" }, route: { r: "b" } }));
    assert.deepEqual(stream.sent(), ["route +r@b #4"]);
    stream.accept("route", "4");
    assert.deepEqual(stream.sent(), ["cluster -a #5"]);
  });

  it("removes a cluster only after the drain time when a listener left it", () => {
    const stream = settledStream({ cluster: { a: "1", b: "1" }, listener: { l: "a" } });
    stream.view(viewOf(2, { cluster: { b: "1" }, listener: { l: "b" } }));
    stream.accept("listener", "3");
    stream.take();
    stream.pass(29_999);
    assert.deepEqual(stream.sent(), []);
    stream.pass(1);
    assert.deepEqual(stream.sent(), ["cluster -a #4"]);
  });

  it("keeps a cluster while the proxy stays on a refused listener, and settles no earlier", () => {
    const stream = settledStream({ cluster: { a: "1", b: "1" }, listener: { l: "a" } });
    stream.view(viewOf(2, { cluster: { b: "1" }, listener: { l: "b?" } }));
    stream.refuse("listener", "3");
    stream.take();
    stream.pass(120_000);
    assert.deepEqual(stream.take(), []);
    stream.view(viewOf(3, { cluster: { b: "1" }, listener: { l: "c" } }));
    stream.accept("listener", "4");
    stream.take();
    stream.pass(30_000);
    assert.deepEqual(stream.sent(), ["cluster -a #5"]);
  });

  it("does not remove what came back before its time", () => {
    const stream = settledStream({ cluster: { a: "1", b: "1" }, listener: { l: "a" } });
    stream.view(viewOf(2, { cluster: { b: "1" }, listener: { l: "b" } }));
    stream.acceptAll();
    stream.view(viewOf(3, { cluster: { a: "1", b: "1" }, listener: { l: "b" } }));
    stream.acceptAll();
    stream.pass(60_000);
    assert.deepEqual(stream.sent(), []);
  });

  it("keeps the endpoints of a cluster that goes until it is gone, and empties those of one that stays at once", () => {
    const stream = settledStream({
      cluster: { a: "1", b: "1" },
      endpoint: { a: "1", b: "1" },
      listener: { l: "a" },
    });
    stream.view(viewOf(2, { cluster: { b: "1" }, listener: { l: "b" } }));
    assert.deepEqual(
      stream.acceptAll().map((send) => [send.type, ...send.resources.map((resource) => resource.name)]),
      [
        ["endpoint", "b"],
        ["listener", "l"],
      ],
    );
    stream.pass(30_000);
    assert.deepEqual(
      stream.sent().map((sent) => sent.replace(/ #.*/, "")),
      ["cluster -a", `endpoint +${answersTo("endpoint", "a")}`],
    );
  });
});

describe("step(): reconnect", () => {
  it("sends nothing that the proxy holds", () => {
    const stream = createStreamFixture();
    stream.view(viewOf(1, { cluster: { a: "1" }, endpoint: { a: "1" }, listener: { l: "1" } }));
    stream.request("cluster", { held: new Map([["a", "1"]]) });
    stream.request("endpoint", { subscribe: ["a"], held: new Map([["a", "1"]]) });
    stream.request("listener", { held: new Map([["l", "1"]]) });
    assert.deepEqual(stream.sent(), ["cluster #1", "listener #2"]);
  });

  it("sends what is new, and removes what should not be there: clusters after the drain time", () => {
    const stream = createStreamFixture();
    stream.view(viewOf(1, { cluster: { a: "2" }, listener: { l: "1" } }));
    stream.request("cluster", {
      held: new Map([
        ["a", "1"],
        ["old", "1"],
      ]),
    });
    stream.request("listener", { held: new Map([["old", "1"]]) });
    assert.deepEqual(stream.sent(), ["cluster +a@2 #1"]);
    stream.accept("cluster", "1");
    assert.deepEqual(stream.sent(), ["listener +l@1 -old #2"]);
    stream.accept("listener", "2");
    stream.pass(30_000);
    assert.deepEqual(stream.sent(), ["cluster -old #3"]);
  });

  it("keeps names that it cannot serve apart from those that it holds", () => {
    const stream = createStreamFixture();
    stream.view(viewOf(1, {}));
    stream.request("extension", { subscribe: ["x", "y"], held: new Map([["x", "1"]]) });
    assert.deepEqual(stream.sent(), [`extension +${answersTo("extension", "y")} +${answersTo("extension", "x")} #1`]);
  });
});
