import assert from "node:assert/strict";
import { glob } from "node:fs/promises";
import { askEnvoy } from "../../local/data-plane/envoy-admin.ts";
import type { LocalMesh } from "../../local/start-local-mesh.ts";

/** How often each sidecar took clusters, listeners, routes, endpoints or policies. Renewed certificates, and addresses of the gateway itself, are not policy. */
export async function updatesTaken({ node }: LocalMesh): Promise<ReadonlyMap<string, number>> {
  const taken = new Map<string, number>();
  for await (const socket of glob(`${node?.runDir}/**/admin.sock`)) {
    const { body } = await askEnvoy(socket, { method: "GET", path: "/stats?filter=update_success|config_reload$" });
    for (const [, name = "", value] of body.matchAll(/^(.+): (\d+)$/gm))
      if (!/sds[.]|cluster[.]weft-xds[.]/.test(name)) taken.set(`${socket} ${name}`, Number(value));
  }
  assert.ok(taken.size > 0);
  return taken;
}
