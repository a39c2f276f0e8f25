import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  block,
  type ConnectionFixture,
  data,
  frame,
  hello,
  message,
  number,
  request,
  requestFields,
  startConnection,
} from "./connection-fixture.ts";
import { flag } from "./protocol.ts";

const ping = frame("ping", { payload: Buffer.alloc(8) });

/** Sends until the connection is dropped; how many it took. */
function sendsUntilDropped(peer: ConnectionFixture, most: number, make: (index: number) => Buffer): number {
  for (let index = 0; index < most; index += 1) {
    if (peer.drops.length > 0) return index;
    peer.send(make(index));
  }
  return most;
}

describe("a peer that abuses HTTP/2", () => {
  const floods: Readonly<Record<string, (index: number) => Buffer>> = {
    settings: () => frame("settings"),
    "pings that nobody asked for": () => ping,
    "empty data": () => data(1, Buffer.alloc(0)),
    priorities: () => frame("priority", { streamId: 7, payload: Buffer.alloc(5) }),
    "unknown frames": () => Buffer.from([0, 0, 0, 77, 0, 0, 0, 0, 0]),
    "window updates that nobody waits for": () => frame("windowUpdate", { streamId: 1, payload: number(1) }),
    "resets of ended streams": () => frame("reset", { streamId: 1, payload: number(8) }),
    "streams that it resets at once": (index) =>
      Buffer.concat([request(2 * index + 3), frame("reset", { streamId: 2 * index + 3, payload: number(8) })]),
  };
  for (const [name, make] of Object.entries(floods)) {
    it(`is dropped for a flood of ${name}`, () => {
      const peer = startConnection();
      peer.send(hello, request(1));
      assert.ok(sendsUntilDropped(peer, 2000, make) <= 1001);
      assert.deepEqual(peer.drops, [
        { reason: "enhanceYourCalm", details: "too many frames that do nothing", address: "10.1.0.2" },
      ]);
    });
  }

  it("is dropped when it asks without end, many times in a frame or held back, but may answer whatever it is sent", () => {
    const asked = Buffer.concat(Array.from({ length: 100 }, () => message("ask")));
    for (const hold of [false, true]) {
      const peer = startConnection({ hold });
      peer.send(hello, request(1));
      assert.ok(sendsUntilDropped(peer, 20, () => data(1, asked)) <= (hold ? 20 : 10));
      peer.calls[0]?.listen({ message: () => {}, drained: () => {}, finished: () => {}, gone: () => {} });
      assert.equal(peer.drops[0]?.details, "too many messages that answer nothing");
      assert.deepEqual(peer.faults, []);
    }
    const answering = startConnection();
    answering.send(hello, request(1));
    for (let count = 0; count < 3000; count += 1) {
      answering.calls[0]?.send(Buffer.from("told"));
      answering.send(data(1, message("ask")));
    }
    assert.deepEqual([answering.drops, answering.messages.length], [[], 3000]);
  });

  it("may go on for ever at an ordinary pace", () => {
    const peer = startConnection();
    peer.send(hello, request(1));
    for (let second = 0; second < 100; second += 1) {
      for (let count = 0; count < 40; count += 1) peer.send(ping);
      peer.pass(1000);
    }
    assert.deepEqual(peer.drops, []);
  });

  it("is dropped for a header block without end, in bytes or in crumbs", () => {
    const long = startConnection();
    long.send(hello, frame("headers", { streamId: 1 }));
    const bytes = sendsUntilDropped(long, 10, () =>
      frame("continuation", { streamId: 1, payload: Buffer.alloc(16_384) }),
    );
    assert.equal(bytes, 3);
    const crumbs = startConnection();
    crumbs.send(hello, frame("headers", { streamId: 1 }));
    assert.ok(sendsUntilDropped(crumbs, 100, () => frame("continuation", { streamId: 1 })) < 20);
    for (const peer of [long, crumbs]) assert.equal(peer.drops[0]?.details, "a header block that is too long");
  });

  it("is dropped for headers that are many, or grow when they are decoded", () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x${index}`, ""]));
    const peer = startConnection();
    peer.send(
      hello,
      frame("headers", { streamId: 1, flags: flag.endHeaders, payload: block({ ...requestFields, ...many }) }),
    );
    assert.equal(peer.drops[0]?.reason, "enhanceYourCalm");
    const bomb = startConnection();
    const insert = Buffer.concat([Buffer.from("4001617fa11e", "hex"), Buffer.alloc(4000, 0x61)]);
    const payload = Buffer.concat([insert, Buffer.alloc(10_000, 0xbe)]);
    bomb.send(hello, frame("headers", { streamId: 1, flags: flag.endHeaders, payload }));
    assert.equal(bomb.drops[0]?.reason, "enhanceYourCalm");
  });

  it("has so many streams at a time", () => {
    const peer = startConnection({ limits: { streams: 2 } });
    peer.send(hello, request(1), request(3), request(5));
    assert.deepEqual(peer.received().slice(-1), ["reset 5 refusedStream"]);
    assert.equal(peer.calls.length, 2);
  });

  it("may not send more than its windows", () => {
    const stream = startConnection({ hold: true, limits: { streamWindow: 10 } });
    stream.send(hello, request(1), data(1, Buffer.alloc(11)));
    assert.deepEqual(stream.received().slice(-1), ["reset 1 flowControl"]);
    const connection = startConnection({ hold: true, limits: { streamWindow: 70_000, connectionWindow: 66_000 } });
    connection.send(hello, request(1));
    sendsUntilDropped(connection, 10, () => data(1, Buffer.alloc(16_000)));
    assert.equal(connection.drops[0]?.reason, "flowControl");
  });

  it("is dropped when it keeps a window shut, however it trickles", () => {
    const peer = startConnection({ limits: { behind: 60_000 } });
    peer.send(hello, frame("settings", { payload: Buffer.from("000400000000", "hex") }), request(1));
    peer.calls[0]?.send(Buffer.alloc(1000));
    for (let second = 0; second < 62; second += 1) {
      peer.send(frame("windowUpdate", { streamId: 1, payload: number(1) }));
      peer.pass(1000);
    }
    assert.equal(peer.drops[0]?.reason, "behind");
    assert.equal(peer.events.at(-1), "gone: does not take what is sent");
  });

  it("is dropped when its socket takes nothing", () => {
    const peer = startConnection();
    peer.send(hello, request(1));
    peer.socket.full = true;
    for (let second = 0; second < 62; second += 1) {
      peer.send(ping);
      peer.pass(1000);
    }
    assert.equal(peer.drops[0]?.reason, "behind");
  });

  it("is dropped when too much waits for it", () => {
    const peer = startConnection({ limits: { queuedBytes: 10_000 } });
    peer.send(hello, frame("settings", { payload: Buffer.from("000400000000", "hex") }), request(1));
    for (let count = 0; count < 20; count += 1) peer.calls[0]?.send(Buffer.alloc(1000));
    assert.deepEqual(
      peer.drops.map(({ reason, details }) => [reason, details]),
      [["behind", "too much waits for it"]],
    );
  });

  it("is asked when it is silent, and dropped when it does not answer", () => {
    const peer = startConnection();
    peer.send(hello, request(1));
    peer.received();
    peer.pass(32_000);
    assert.deepEqual(peer.received(), ["ping"]);
    peer.send(frame("ping", { flags: flag.ack, payload: Buffer.alloc(8) }));
    peer.pass(32_000);
    assert.deepEqual([peer.received(), peer.drops], [["ping"], []]);
    peer.pass(12_000);
    assert.equal(peer.drops[0]?.reason, "silent");
  });

  it("is dropped without settings, and sent away without streams", () => {
    const mute = startConnection();
    mute.pass(32_000);
    assert.equal(mute.drops[0]?.reason, "settingsTimeout");
    const idle = startConnection();
    idle.send(hello);
    idle.received();
    for (let count = 0; count < 16; count += 1) {
      idle.pass(20_000);
      idle.send(ping);
    }
    assert.deepEqual([idle.drops, idle.socket.ended], [[], true]);
  });

  it("does not make us keep a message that it only announces", () => {
    const peer = startConnection();
    peer.send(hello, request(1), data(1, Buffer.from("0000700000", "hex")));
    for (let count = 0; count < 100; count += 1) peer.send(data(1, Buffer.from("x")));
    assert.deepEqual([peer.drops, peer.messages], [[], []]);
    peer.send(data(1, message("")));
    assert.deepEqual(peer.messages, []);
  });
});
