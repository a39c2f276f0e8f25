import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  block,
  data,
  frame,
  hello,
  message,
  number,
  request,
  requestFields,
  startConnection,
} from "./connection-fixture.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { flag, preface } from "./protocol.ts";

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");
const settingsWindow = (window: number): Buffer =>
  frame("settings", { payload: Buffer.concat([bytes("0004"), number(window)]) });

describe("HTTP/2 connection", () => {
  it("answers the peer's settings with its own, its window and an acknowledgement, in one write", () => {
    const peer = startConnection();
    assert.equal(peer.writes, 0);
    peer.send(hello);
    assert.equal(peer.writes, 1);
    assert.deepEqual(peer.received(), ["settings", "windowUpdate 0 983041", "settings ack"]);
  });

  it("begins with its settings when it is the first to speak", () => {
    const peer = startConnection();
    peer.connection.leave();
    assert.deepEqual(peer.received(), ["settings", "windowUpdate 0 983041", "goAway 0 none"]);
  });

  it("gives a call its header, its peer and its messages, and answers with one write", () => {
    const peer = startConnection({ hold: true });
    peer.send(hello, request(1, { authorization: "Bearer abc" }));
    peer.received();
    const [call] = peer.calls;
    assert.ok(call);
    assert.deepEqual(
      [call.address, call.header("authorization"), call.header("cookie")],
      ["10.1.0.2", "Bearer abc", undefined],
    );
    const before = peer.writes;
    call.send(Buffer.from("one"));
    call.send(Buffer.from("two"));
    assert.equal(peer.writes, before + 1);
    assert.deepEqual(peer.received(), ["headers 1", "data 1 8", "data 1 8"]);
    call.end("OK");
    assert.deepEqual(peer.received(), ["goAway 1 none", "headers 1 end", "reset 1 none"]);
    assert.equal(peer.socket.ended, true);
  });

  it("writes these very bytes", () => {
    const peer = startConnection({ hold: true });
    peer.send(hello, request(1));
    peer.receivedData();
    peer.calls[0]?.send(Buffer.from("hi"));
    assert.deepEqual(peer.receivedData(), bytes("00 00000002 6869"));
  });

  it("ends a call with trailers alone when it sent nothing", () => {
    const peer = startConnection({ hold: true });
    peer.send(hello, request(1));
    peer.received();
    peer.calls[0]?.end("UNAUTHENTICATED", "bad: 100 % ü");
    assert.deepEqual(peer.received(), ["headers 1 end", "reset 1 none"]);
    assert.equal(peer.socket.ended, false);
  });

  it("takes messages that come in pieces, several in one frame, and padded", () => {
    const peer = startConnection();
    const three = Buffer.concat([message("a"), message(""), message("bc")]);
    peer.send(hello, request(1), data(1, three), data(1, message("long one").subarray(0, 7)));
    const padded = Buffer.concat([bytes("03"), message("long one").subarray(7), bytes("000000")]);
    peer.send(data(1, padded, flag.padded));
    assert.deepEqual(peer.messages, ["a", "", "bc", "long one"]);
    peer.send(data(1, Buffer.alloc(0), flag.endStream));
    assert.deepEqual(peer.events, ["finished"]);
  });

  it("keeps what comes before somebody listens, within the stream's window, and gives the window back afterwards", () => {
    const peer = startConnection({ hold: true, limits: { streamWindow: 100 } });
    peer.send(hello, request(1), data(1, message("x".repeat(60))), data(1, message("y").subarray(0, 3)));
    assert.deepEqual(peer.received(), ["settings", "windowUpdate 0 983041", "settings ack"]);
    const got: string[] = [];
    peer.calls[0]?.listen({
      message: (text) => got.push(text.toString()),
      drained: () => {},
      finished: () => {},
      gone: () => {},
    });
    assert.equal(got.length, 1);
    assert.deepEqual(peer.received(), ["windowUpdate 1 68"]);
    peer.send(data(1, message("y").subarray(3)));
    assert.deepEqual(got, ["x".repeat(60), "y"]);
  });

  it("puts header blocks together, and takes trailers", () => {
    const peer = startConnection();
    const whole = block(requestFields);
    peer.send(
      hello,
      frame("headers", { streamId: 1, payload: whole.subarray(0, 10) }),
      frame("continuation", { streamId: 1, payload: whole.subarray(10, 11) }),
      frame("continuation", { streamId: 1, payload: whole.subarray(11), flags: flag.endHeaders }),
      data(1, message("a")),
      frame("headers", { streamId: 1, flags: flag.endHeaders | flag.endStream, payload: block({ "x-sum": "1" }) }),
    );
    assert.deepEqual(peer.messages, ["a"]);
    assert.deepEqual(peer.events, ["finished"]);
  });

  it("answers pings; ignores priorities and what it does not know", () => {
    const peer = startConnection();
    peer.send(hello);
    peer.received();
    const unknown = frame("ping", { payload: bytes("0102030405060708") });
    unknown[3] = 99;
    peer.send(
      frame("ping", { payload: bytes("0102030405060708") }),
      frame("priority", { streamId: 5, payload: bytes("0000000310") }),
      unknown,
    );
    assert.deepEqual(peer.received(), ["ping ack"]);
  });
});

describe("HTTP/2 connection, windows", () => {
  it("sends as the peer's windows allow, and goes on when they open", () => {
    const peer = startConnection();
    peer.send(hello, settingsWindow(10), request(1));
    peer.received();
    const [call] = peer.calls;
    call?.send(Buffer.alloc(20));
    assert.equal(call?.behind, true);
    assert.deepEqual(peer.received(), ["headers 1", "data 1 5", "data 1 5"]);
    peer.send(frame("windowUpdate", { streamId: 1, payload: number(1) }));
    assert.deepEqual(peer.received(), ["data 1 1"]);
    call?.end("OK");
    peer.send(settingsWindow(23));
    assert.deepEqual(peer.received(), ["goAway 1 none", "settings ack", "data 1 13"]);
    peer.send(frame("windowUpdate", { streamId: 1, payload: number(100) }));
    assert.deepEqual(peer.received(), ["data 1 1", "headers 1 end", "reset 1 none"]);
  });

  it("shares the connection's window among streams", () => {
    const peer = startConnection();
    peer.send(hello, settingsWindow(1_000_000), request(1), request(3));
    peer.received();
    for (const call of peer.calls) call.send(Buffer.alloc(40_000));
    assert.equal(peer.receivedData().length, 65_535);
    assert.deepEqual(
      peer.calls.map((call) => call.behind),
      [false, true],
    );
    peer.send(frame("windowUpdate", { payload: number(100_000) }));
    assert.equal(peer.receivedData().length, 2 * 40_005 - 65_535);
    assert.deepEqual(peer.events, ["drained"]);
  });

  it("stops while the socket has enough, and tells when that is over", () => {
    const peer = startConnection();
    peer.send(hello, request(1));
    peer.received();
    peer.socket.full = true;
    const [call] = peer.calls;
    call?.send(Buffer.from("late"));
    assert.equal(call?.behind, true);
    assert.deepEqual(peer.received(), ["headers 1"]);
    peer.socket.full = false;
    peer.connection.socketDrained();
    assert.deepEqual([peer.received(), peer.events], [["data 1 5", "data 1 4"], ["drained"]]);
  });

  it("cuts a long message into frames that every peer takes", () => {
    const peer = startConnection();
    peer.send(hello, request(1));
    peer.received();
    peer.calls[0]?.send(Buffer.alloc(40_000, 7));
    assert.deepEqual(peer.received(), ["headers 1", "data 1 16384", "data 1 16384", "data 1 7237"]);
  });
});

describe("HTTP/2 requests", () => {
  it("refuses methods that it does not have, and what is not gRPC", () => {
    const peer = startConnection();
    peer.send(hello, request(1, { ":path": "/other" }));
    peer.received();
    peer.send(request(3, { "content-type": "text/html" }), data(3, Buffer.from("x"), flag.endStream));
    assert.deepEqual(peer.received(), ["headers 3", "data 3 54", "data 3 0 end"]);
    peer.send(request(5, { ":method": "GET" }), data(5, Buffer.alloc(0), flag.endStream));
    assert.deepEqual(peer.received(), ["headers 5", "data 5 14", "data 5 0 end"]);
    assert.equal(peer.calls.length, 0);
  });

  it("resets malformed requests, and goes on", () => {
    const peer = startConnection();
    peer.send(hello);
    peer.received();
    const wrong: readonly Readonly<Record<string, string>>[] = [
      { Upper: "x" },
      { connection: "close" },
      { te: "gzip" },
      { ":path": "" },
      { ":status": "200" },
      { "content-length": "x" },
      { "x-line": "a\nb" },
    ];
    for (const [index, fields] of wrong.entries()) peer.send(request(2 * index + 1, fields));
    assert.deepEqual(
      peer.received(),
      wrong.map((_, index) => `reset ${2 * index + 1} protocol`),
    );
    peer.send(request(101));
    assert.equal(peer.calls.length, 1);
  });

  it("refuses compressed messages and ones that are too long, and a stream that ends within one", () => {
    const peer = startConnection({ limits: { messageBytes: 10 } });
    peer.send(hello, request(1), request(3), request(5));
    peer.received();
    peer.send(data(1, bytes("01 00000001 00")), data(3, bytes("00 0000000b")));
    peer.send(data(5, bytes("00 00"), flag.endStream));
    assert.deepEqual(peer.received(), [
      "headers 1 end",
      "reset 1 none",
      "headers 3 end",
      "reset 3 none",
      "headers 5 end",
    ]);
    assert.deepEqual(peer.events, [
      "gone: compressed messages are not taken",
      "gone: a message of 11 bytes, more than 10",
      "gone: the stream ended within a message",
    ]);
  });

  it("hears when the peer resets a stream, and when the connection is gone", () => {
    const peer = startConnection();
    peer.send(hello, request(1), request(3), frame("reset", { streamId: 1, payload: number(8) }));
    peer.connection.socketClosed();
    assert.deepEqual(peer.events, ["gone: the proxy went away", "gone: the proxy went away"]);
    assert.deepEqual(
      peer.calls.map((call) => call.open),
      [false, false],
    );
  });
});

describe("HTTP/2 connection, its end", () => {
  it("leaves: no new streams, and an end with the last one", () => {
    const peer = startConnection();
    peer.send(hello, request(1));
    peer.received();
    peer.connection.leave();
    peer.send(request(3));
    assert.deepEqual(peer.received(), ["goAway 1 none", "reset 3 refusedStream"]);
    assert.equal(peer.socket.ended, false);
    peer.calls[0]?.end("OK");
    assert.equal(peer.socket.ended, true);
    peer.pass(6000);
    assert.equal(peer.socket.destroyed, true);
  });

  it("ends with an error when the peer breaks the protocol, and counts it", () => {
    for (const [sent, code] of [
      [Buffer.from("GET / HTTP/1.1\r\n\r\n"), "protocol"],
      [Buffer.concat([preface, frame("ping", { payload: Buffer.alloc(8) })]), "protocol"],
      [Buffer.concat([hello, bytes("004001 00 00 00000001")]), "frameSize"],
      [Buffer.concat([hello, data(1, Buffer.alloc(1))]), "protocol"],
      [Buffer.concat([hello, request(2)]), "protocol"],
      [Buffer.concat([hello, request(3), request(1)]), "protocol"],
      [
        Buffer.concat([hello, frame("headers", { streamId: 1, flags: flag.endHeaders, payload: bytes("ff") })]),
        "compression",
      ],
      [Buffer.concat([hello, settingsWindow(0x80000000)]), "flowControl"],
      [Buffer.concat([hello, frame("windowUpdate", { payload: number(0x7fffffff) })]), "flowControl"],
    ] as const) {
      const peer = startConnection();
      peer.send(sent);
      assert.match(peer.received().at(-1) ?? "", new RegExp(`^goAway \\d ${code}$`));
      assert.deepEqual([peer.drops.map((drop) => drop.reason), peer.socket.ended, peer.faults], [[code], true, []]);
    }
  });
});

describe("answers", () => {
  it("are header blocks that any decoder reads", async () => {
    const { grpcHead, grpcTrailers, plainHead } = await import("./response-headers.ts");
    const fields = (encoded: Buffer) => new HpackDecoder().decode(encoded, 4096);
    assert.deepEqual(grpcHead, bytes("88 0f10 10 6170706c69636174696f6e2f67727063"));
    assert.deepEqual(fields(plainHead(415)), [
      [":status", "415"],
      ["content-type", "text/plain"],
    ]);
    assert.deepEqual(fields(grpcTrailers("UNIMPLEMENTED", "no ü, 100 %")), [
      ["grpc-status", "12"],
      ["grpc-message", "no %C3%BC, 100 %25"],
    ]);
    assert.deepEqual(fields(grpcTrailers("OK", undefined)), [["grpc-status", "0"]]);
  });
});
