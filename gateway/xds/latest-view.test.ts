import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "../../shared/core/stream/stream-fixture.ts";
import { createLatestView } from "./latest-view.ts";

test("a proxy that is behind gets the newest view when it has caught up, and none in between", () => {
  const call = { behind: false };
  const shown: number[] = [];
  const latest = createLatestView(call, (view) => shown.push(view.generation));
  latest.view(viewOf(1, {}));
  call.behind = true;
  latest.view(viewOf(2, {}));
  latest.view(viewOf(3, {}));
  assert.deepEqual(shown, [1]);
  call.behind = false;
  latest.drained();
  latest.drained();
  assert.deepEqual(shown, [1, 3]);
});
