import { buildMesh } from "../../shared/core/mesh/build-mesh.ts";
import { objectsOf } from "../../shared/core/state/cluster-state.ts";
import type { Trie } from "../../shared/core/trie/trie.ts";
import type { StoredDocument } from "../../shared/ports/document-store.ts";
import { createBlockStore } from "../../shared/store/block-store.ts";
import { readHead } from "../../shared/store/cluster-store.ts";
import {
  type Change,
  type ClusterProblems,
  type Head,
  type LocalServing,
  type PinAct,
  type ProxyReport,
  reportId,
  versionedId,
} from "../../shared/store/documents.ts";
import { readMeshSettings } from "../../shared/store/mesh-settings.ts";
import type { FunctionParts } from "../ports.ts";
import { buildAccess } from "./model/access.ts";
import { buildCluster, type ClusterDocuments, type ClusterModel, type PolicyModel } from "./model/cluster.ts";
import { buildOverview, type OverviewModel } from "./model/overview.ts";
import { isSilent } from "./model/proxies.ts";
import { buildServices } from "./model/services.ts";

export type ReadParts = Pick<FunctionParts, "documents" | "mesh" | "now">;

const listedChanges = 15;
const listedActs = 20;
/** Records of pins are written after the head: a listing is believed for so long. Milliseconds. */
const actsAge = 10_000;

/** A cluster's model with a text that differs when the model may differ. */
interface ClusterReading {
  readonly model: ClusterModel;
  readonly fingerprint: string;
}

/** Reads one cluster's documents again and again; what has not changed, or is immutable, is kept. */
export interface ClusterReader {
  /** Undefined when no such cluster joined. Reads that come while one is under way share it. */
  read(): Promise<ClusterReading | undefined>;
}

export function createClusterReader(parts: ReadParts, cluster: string): ClusterReader {
  let kept: Kept | undefined;
  let reading: Promise<ClusterReading | undefined> | undefined;
  const read = async (): Promise<ClusterReading | undefined> => {
    const stored = await readHead(parts.documents, cluster);
    if (stored === undefined) return undefined;
    kept = await refresh(parts, cluster, { ...stored, before: kept });
    return readingOf(parts, cluster, kept);
  };
  return {
    read() {
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}

type Stored<Body> = StoredDocument<Body> | undefined;

interface Kept {
  readonly head: Head;
  readonly etag: string;
  readonly problems: Stored<ClusterProblems>;
  readonly newest: Stored<Change>;
  readonly changes: readonly Change[];
  readonly report: Stored<ProxyReport>;
  readonly acts: Acts;
  readonly policy: (PolicyModel & { readonly inputs: string; readonly objects: Trie }) | undefined;
}

interface Acts {
  readonly pinActs: readonly PinAct[];
  readonly servedLocally: readonly LocalServing[];
  /** When they were read. */
  readonly read: number;
}

interface Refresh {
  readonly head: Head;
  readonly etag: string;
  readonly before: Kept | undefined;
}

async function refresh(parts: ReadParts, cluster: string, { head, etag, before }: Refresh): Promise<Kept> {
  const { documents } = parts;
  const sameHead = before?.etag === etag;
  const isRecent = before !== undefined && sameHead && parts.now().getTime() - before.acts.read < actsAge;
  const [problems, newest, report, acts, policy] = await Promise.all([
    // Problems are written in one batch with the head, so the same head has the same problems.
    sameHead ? before.problems : documents.get<ClusterProblems>("clusters", cluster, "problems"),
    documents.get<Change>("changes", cluster, versionedId("change", head.version)),
    readReport(parts, cluster),
    isRecent ? before.acts : readActs(parts, cluster),
    readPolicy(parts, cluster, { head, before: before?.policy }),
  ]);
  const sameChanges = before !== undefined && before.newest?.body.version === newest?.body.version;
  const changes = sameChanges
    ? before.changes.map((change) => (change.version === newest?.body.version ? newest.body : change))
    : await documents.list<Change>("changes", cluster, { prefix: "change:", limit: listedChanges });
  return { head, etag, problems, newest, changes, report, acts, policy };
}

function readReport({ documents }: ReadParts, cluster: string): Promise<Stored<ProxyReport>> {
  return documents.get<ProxyReport>("changes", cluster, reportId);
}

async function readActs({ documents, now }: ReadParts, cluster: string): Promise<Acts> {
  const read = now().getTime();
  const list = <Body>(prefix: string): Promise<readonly Body[]> =>
    documents.list<Body>("changes", cluster, { prefix, limit: listedActs });
  const [pinActs, servedLocally] = await Promise.all([list<PinAct>("pin:"), list<LocalServing>("local:")]);
  return { pinActs, servedLocally, read };
}

/** Of what is in force; before the first publication, of what was heard. */
async function readPolicy(
  parts: ReadParts,
  cluster: string,
  { head, before }: { readonly head: Head; readonly before: Kept["policy"] },
): Promise<Kept["policy"]> {
  if (head.served === undefined) return undefined;
  const { state, settingsVersion } = head.served;
  const inputs = `${state} ${settingsVersion}`;
  if (before?.inputs === inputs) return before;
  const [settings, objects] = await Promise.all([
    readMeshSettings(parts.documents, parts.mesh),
    createBlockStore(parts.documents, cluster).loadTrie(state, before?.objects),
  ]);
  const { mesh } = buildMesh({ objects: objectsOf(objects), settings: settings.build });
  return { access: buildAccess(mesh), services: buildServices(mesh), inputs, objects };
}

function readingOf(parts: ReadParts, cluster: string, kept: Kept): ClusterReading {
  const now = parts.now();
  const documents = documentsOf(kept);
  const policy = kept.policy && { access: kept.policy.access, services: kept.policy.services };
  const isQuiet = documents.report !== undefined && isSilent(documents.report, now);
  const acts = `${documents.pinActs.length} ${documents.pinActs.at(-1)?.when} ${documents.servedLocally.length}`;
  const fingerprint = [kept.etag, kept.newest?.etag, kept.changes.length, kept.report?.etag, isQuiet, acts].join("\n");
  return { model: buildCluster({ mesh: parts.mesh, cluster, documents, policy, now }), fingerprint };
}

function documentsOf({ head, problems, changes, report, acts }: Kept): ClusterDocuments {
  const { pinActs, servedLocally } = acts;
  return { head, problems: problems?.body, changes, report: report?.body, pinActs, servedLocally };
}

/** All clusters of the mesh. */
export async function readOverview(parts: ReadParts): Promise<OverviewModel> {
  const { documents, mesh } = parts;
  const clusters = await documents.partitionsWith("clusters", "head");
  const read = await Promise.all(
    clusters.map(async (cluster) => {
      const [head, problems, changes, report] = await Promise.all([
        readHead(documents, cluster),
        documents.get<ClusterProblems>("clusters", cluster, "problems"),
        documents.list<Change>("changes", cluster, { prefix: "change:", limit: 1 }),
        readReport(parts, cluster),
      ]);
      return head === undefined
        ? []
        : [{ cluster, documents: { head: head.head, problems: problems?.body, changes, report: report?.body } }];
    }),
  );
  return buildOverview(mesh, read.flat());
}
