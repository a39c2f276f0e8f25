import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Output, type Wire } from "./output.ts";

describe("output", () => {
  it("is one write a turn", () => {
    const { output, written } = startOutput();
    assert.equal(output.add(Buffer.from("on")), true);
    assert.equal(output.add(Buffer.from("two")), false);
    output.flush();
    assert.deepEqual(written, ["on+two"]);
    output.flush();
    assert.deepEqual(written, ["on+two"]);
  });

  it("is written in pieces, each when the one before is passed on", () => {
    const { output, written, pass } = startOutput();
    output.add(Buffer.from("abc"));
    output.add(Buffer.from("defghijklm"));
    output.flush();
    assert.deepEqual(written, ["abc+de"]);
    assert.equal(output.behind, true);
    output.add(Buffer.from("n"));
    output.flush();
    assert.deepEqual(written, ["abc+de"]);
    pass();
    assert.deepEqual(written, ["abc+de", "fghij"]);
    pass();
    assert.deepEqual(written, ["abc+de", "fghij", "klm+n"]);
    assert.equal(output.behind, false);
  });

  it("keeps the order when the end comes within pieces", () => {
    const { output, written, pass } = startOutput();
    output.add(Buffer.from("abcdefghijkl"));
    output.flush();
    output.end();
    assert.deepEqual(written, ["abcde", "fghijkl", "end"]);
    pass();
    assert.deepEqual(written, ["abcde", "fghijkl", "end"]);
  });

  it("has no room while half a megabyte waits", () => {
    const { output, pass } = startOutput();
    output.add(Buffer.alloc(512 * 1024 + 2));
    assert.equal(output.writable, false);
    output.flush();
    assert.equal(output.writable, true);
    pass();
    assert.equal(output.behind, true);
  });
});

/** Pieces of five bytes; a write's parts are joined by a plus. */
function startOutput() {
  const written: string[] = [];
  let passOn: (() => void) | undefined;
  let parts: string[] | undefined;
  const wire: Wire = {
    write(bytes, done) {
      if (parts === undefined) written.push(bytes.toString());
      else parts.push(bytes.toString());
      passOn = done ?? passOn;
      return true;
    },
    cork: () => {
      parts = [];
    },
    uncork: () => {
      written.push((parts ?? []).join("+"));
      parts = undefined;
    },
    end: () => written.push("end"),
    destroy: () => assert.fail("nobody asked for that"),
    writableNeedDrain: false,
  };
  const output: Output = new Output(wire, { pieceBytes: 5, writer: { flush: () => output.flush() } });
  const pass = (): void => {
    const done = passOn;
    passOn = undefined;
    done?.();
  };
  return { output, written, pass };
}
