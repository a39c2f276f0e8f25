import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { data, frame, hello, message, request, startConnection } from "./connection-fixture.ts";
import { flag } from "./protocol.ts";

const numRuns = Number(process.env["WEFT_CASES"] ?? 100);

/** The bytes in pieces that end at these places. */
function pieces(bytes: Buffer, ends: readonly number[]): Buffer[] {
  const sorted = [0, ...ends.map((end) => end % bytes.length), bytes.length].sort((left, right) => left - right);
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

describe("any bytes", () => {
  it("give the same messages, however they are cut", () => {
    const texts = fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 8 });
    const cuts = fc.array(fc.nat(), { maxLength: 40 });
    fc.assert(
      fc.property(texts, cuts, cuts, (sent, frames, chunks) => {
        const body = pieces(Buffer.concat(sent.map(message)), frames);
        const whole = Buffer.concat([
          hello,
          request(1),
          ...body.map((part) => data(1, part)),
          data(1, Buffer.alloc(0), flag.endStream),
        ]);
        const peer = startConnection();
        for (const chunk of pieces(whole, chunks)) peer.send(Buffer.from(chunk));
        assert.deepEqual(peer.messages, sent);
        assert.deepEqual([peer.events, peer.drops, peer.faults], [["finished"], [], []]);
      }),
      { numRuns },
    );
  });

  it("end the connection at most, and are no fault of ours", () => {
    const kind = fc.constantFrom(
      "data",
      "headers",
      "priority",
      "reset",
      "settings",
      "ping",
      "windowUpdate",
      "continuation",
    );
    const anyFrame = fc
      .record({
        kind,
        streamId: fc.nat({ max: 9 }),
        flags: fc.nat({ max: 255 }),
        payload: fc.uint8Array({ maxLength: 40 }),
      })
      .map(({ kind: type, payload, ...rest }) => frame(type, { ...rest, payload: Buffer.from(payload) }));
    const noise = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
    const good = fc.nat({ max: 5 }).map((index) => request(2 * index + 1));
    fc.assert(
      fc.property(fc.boolean(), fc.array(fc.oneof(anyFrame, noise, good), { maxLength: 20 }), (greets, sent) => {
        const peer = startConnection();
        if (greets) peer.send(hello, request(1));
        for (const bytes of sent) peer.send(bytes);
        for (const call of peer.calls) call.send(Buffer.from("answer"));
        peer.pass(3_000);
        peer.received();
        peer.connection.socketClosed();
        assert.deepEqual(peer.faults, []);
        assert.ok(peer.calls.every((call) => !call.open));
      }),
      { numRuns },
    );
  });
});
