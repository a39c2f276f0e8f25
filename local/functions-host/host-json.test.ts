import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostJson } from "./host-json.ts";

test("parseHostJson() has the platform's defaults", () => {
  const { eventHubs, routePrefix } = parseHostJson({ version: "2.0" });
  assert.equal(eventHubs.maxEventBatchSize, 100);
  assert.equal(eventHubs.maxWaitTime, 60_000);
  assert.deepEqual(eventHubs.initialOffset, { kind: "from-start" });
  assert.equal(routePrefix, "api");
});

test("parseHostJson() reads the extensions' options and leaves the others alone", () => {
  const { eventHubs, routePrefix } = parseHostJson({
    version: "2.0",
    logging: { logLevel: { default: "Information" } },
    extensions: {
      eventHubs: { maxEventBatchSize: 20, maxWaitTime: "00:00:05", initialOffsetOptions: { type: "fromEnd" } },
      http: { routePrefix: "" },
    },
  });
  assert.equal(eventHubs.maxEventBatchSize, 20);
  assert.equal(eventHubs.maxWaitTime, 5000);
  assert.deepEqual(eventHubs.initialOffset, { kind: "from-end" });
  assert.equal(routePrefix, "");
});

test("parseHostJson() names the field that is wrong", () => {
  assert.throws(() => parseHostJson({ extensions: { eventHubs: { maxEventBatchSize: 0 } } }), {
    code: "host-json-invalid",
    message: /extensions\.eventHubs\.maxEventBatchSize/,
  });
});
