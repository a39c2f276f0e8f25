import assert from "node:assert/strict";
import { MeshError, type MeshErrorCode } from "../../shared/shell/mesh-error.ts";

/** The call ends in a fault of this code. */
export async function refusedWith(code: MeshErrorCode, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof MeshError && error.code === code, `not ${code}: ${String(error)}`);
    return true;
  });
}
