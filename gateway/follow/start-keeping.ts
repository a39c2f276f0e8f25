import type { DocumentStore } from "../../shared/ports/document-store.ts";
import type { BlockStore } from "../../shared/store/block-store.ts";
import { readMeshSettings } from "../../shared/store/mesh-settings.ts";
import type { GatewayConfig } from "../config.ts";
import type { Disk } from "../disk/disk.ts";
import { openDiskContent } from "../disk/disk-content.ts";
import { openGatewayRecord } from "../disk/gateway-record.ts";
import { createKeptBlockStore } from "../disk/kept-block-store.ts";
import { createMemoryContent } from "../disk/kept-content.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { FaultsOf } from "../ports.ts";
import { type SnapshotKeeper, startSnapshotKeeper } from "./snapshot-keeper.ts";

export interface Keeping extends AsyncDisposable {
  /** The cluster's blocks, those that are kept here read from here. */
  readonly blocks: BlockStore;
  readonly keeper: SnapshotKeeper;
}

interface KeepingParts {
  readonly documents: DocumentStore;
  readonly objects: ClusterObjects;
  /** Without it nothing outlives the process. */
  readonly disk: Disk | undefined;
  readonly faults: FaultsOf;
}

/** Opens what the process before this one kept, and keeps what is served from now on. */
export async function startKeeping(
  config: GatewayConfig,
  { documents, objects, disk, faults }: KeepingParts,
): Promise<Keeping> {
  const { cluster } = config;
  await using life = new AsyncDisposableStack();
  const content = disk === undefined ? createMemoryContent() : await openDiskContent(disk.within("content"));
  const record = life.use(await openGatewayRecord(disk, faults("disk")));
  const blocks = createKeptBlockStore(documents, cluster, content);
  const keeper = life.use(
    startSnapshotKeeper({
      content,
      record,
      blocks,
      keptBlocks: createKeptBlockStore(withoutCloud, cluster, content),
      readSettings: () => readMeshSettings(documents, config.mesh),
      known: objects.objects,
      distance: 2000,
      courtesy: 100,
      fault: faults("disk"),
    }),
  );
  const running = life.move();
  const loadTrie: BlockStore["loadTrie"] = async (root, known) => keeper.stateOf(root) ?? blocks.loadTrie(root, known);
  return { blocks: { ...blocks, loadTrie }, keeper, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Holds nothing: what is not kept is missing. */
const withoutCloud: DocumentStore = {
  get: () => Promise.resolve(undefined),
  put: () => Promise.resolve(),
  batch: () => Promise.resolve(),
  list: () => Promise.resolve([]),
  partitionsWith: () => Promise.resolve([]),
};
