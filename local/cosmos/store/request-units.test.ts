import assert from "node:assert/strict";
import { it } from "node:test";
import { deleteCharge, feedCharge, insertCharge, queryCharge, readCharge, replaceCharge } from "./request-units.ts";

it("request units are those of the vendor's examples", () => {
  assert.equal(readCharge(100), 1);
  assert.equal(readCharge(1024), 1);
  assert.equal(readCharge(100 * 1024), 10);
  assert.equal(insertCharge(1024), 5.5);
  assert.equal(replaceCharge(1024), 11);
  assert.equal(deleteCharge(1024), 5.5);
  assert.ok(insertCharge(32 * 1024) > insertCharge(16 * 1024));
  assert.ok(queryCharge(100 * 1024) > queryCharge(1024));
  assert.equal(feedCharge(0), 1);
});
