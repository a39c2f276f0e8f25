import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { encode, typeUrl } from "../../../shared/core/xds/encode.ts";
import { Cluster } from "../../../shared/core/xds/gen/envoy/config/cluster/v3/cluster.ts";
import { DiscoveryResponse } from "../../../shared/core/xds/gen/envoy/service/discovery/v3/discovery.ts";
import { clusterName, encodeCluster } from "../xds-server/fleet-clusters.ts";
import type { GoPrograms } from "./go-programs.ts";
import { endOf, firstLine, type Pinned } from "./pinned.ts";

const root = resolve(import.meta.dirname, "../../..");

export const ours = "weft";
/** Go's, and bare sockets of Node: what anything on Node must cost. */
export const peerNames = ["linear", "snapshot", "passthrough", "bare"] as const;
export type ContestantName = typeof ours | (typeof peerNames)[number];

export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
  readonly control: number;
}

/** Starts a server of that make with so many clusters. */
export type StartContestant = (name: ContestantName, services: number) => Promise<RunningServer>;

export function contestantsOn(pinned: Pinned, programs: GoPrograms | undefined): StartContestant {
  return async (name, services) => {
    const onNode = [process.execPath, join(root, "test/bench/xds-server/main.ts"), "--services", String(services)];
    const command =
      name === ours || name === "bare"
        ? [...onNode, ...(name === "bare" ? ["--bare"] : [])]
        : [programs?.server ?? "", "-kind", name, "-clusters", await writeClusters(services)];
    const child = pinned.start(0, command);
    const { port, tlsPort, control } = await firstLine<RunningServer>(child);
    return {
      port,
      tlsPort,
      control,
      async [Symbol.asyncDispose]() {
        child.kill("SIGTERM");
        await endOf(child);
      },
    };
  };
}

/** What the peers serve, so that all send the same bytes. */
async function writeClusters(services: number): Promise<string> {
  const folder = join(root, "node_modules/.cache/weft-bench");
  const file = join(folder, `clusters-${services}.bin`);
  const resources = Array.from({ length: services }, (_, index) => ({
    typeUrl: typeUrl(Cluster),
    value: encodeCluster(clusterName(index), 0),
  }));
  await mkdir(folder, { recursive: true });
  await writeFile(file, encode(DiscoveryResponse, { resources }));
  return file;
}
