import type { BlockStore } from "../../shared/store/block-store.ts";
import type { GatewayConfig } from "../config.ts";
import type { FaultsOf, GatewayParts } from "../ports.ts";
import { type HeadFollower, type ServedSnapshot, startHeadFollower } from "./head-follower.ts";
import { createHeadReader, type HeadReader } from "./head-reader.ts";
import type { SnapshotKeeper } from "./snapshot-keeper.ts";

export interface Following extends AsyncDisposable {
  readonly heads: HeadReader;
  readonly follower: HeadFollower;
}

/** Follows the cloud; whatever comes is kept. */
export function startFollowing(
  config: GatewayConfig,
  options: {
    readonly parts: GatewayParts;
    readonly blocks: BlockStore;
    readonly keeper: SnapshotKeeper;
    readonly faults: FaultsOf;
    readonly onSnapshot: (snapshot: ServedSnapshot) => void;
  },
): Following {
  const { parts, blocks, keeper, faults } = options;
  const { mesh, cluster, durations } = config;
  const heads = createHeadReader(parts.documents, cluster);
  const follower = startHeadFollower({
    mesh,
    cluster,
    readHead: heads.read,
    blocks,
    openTail: parts.openSnapshotTail,
    readInterval: durations.headRead,
    kept: { last: keeper.last, patience: durations.cloudPatience },
    onSnapshot(snapshot) {
      options.onSnapshot(snapshot);
      keeper.keep(snapshot);
    },
    log: (event) => (event.kind === "fault" ? faults("follow")(event.message) : parts.log.info(event, event.kind)),
  });
  heads.onRead(follower.offer);
  heads.onRead(keeper.onHead);
  return { heads, follower, [Symbol.asyncDispose]: () => follower[Symbol.asyncDispose]() };
}
