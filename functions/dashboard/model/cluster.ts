import type { ObjectKey } from "../../../shared/core/object.ts";
import type {
  Change,
  ClusterProblems,
  Head,
  LocalServing,
  PinAct,
  ProxyReport,
} from "../../../shared/store/documents.ts";
import type { AccessModel } from "./access.ts";
import { type ActModel, buildActs } from "./acts.ts";
import { buildChanges, type ChangeModel } from "./changes.ts";
import { buildProblems, type ProblemsModel } from "./problems.ts";
import { buildProxies, isSilent, type ProxiesModel } from "./proxies.ts";
import type { ServicePortModel } from "./services.ts";

/** The documents of one cluster that its page is made from. */
export interface ClusterDocuments {
  readonly head: Head;
  readonly problems: ClusterProblems | undefined;
  /** Any order. */
  readonly changes: readonly Change[];
  readonly report: ProxyReport | undefined;
  /** Any order, as are those below. */
  readonly pinActs: readonly PinAct[];
  readonly servedLocally: readonly LocalServing[];
}

/** Made from the objects of the state that the head names. */
export interface PolicyModel {
  readonly access: AccessModel;
  readonly services: readonly ServicePortModel[];
}

export interface ClusterModel {
  readonly mesh: string;
  readonly cluster: string;
  readonly version: number;
  /** ISO 8601 of the newest publication that is listed. */
  readonly published?: string;
  readonly notices: readonly Notice[];
  /** Absent until something was compiled. */
  readonly policy?: PolicyModel;
  readonly proxies: ProxiesModel;
  /** Newest first. */
  readonly changes: readonly ChangeModel[];
  readonly problems: ProblemsModel;
  /** Newest first. */
  readonly acts: readonly ActModel[];
}

/** What a reader must know before believing the rest of the page. */
export type Notice =
  | { readonly kind: "pinned"; readonly why: string; readonly pin: NonNullable<Head["pin"]>["kind"] }
  | { readonly kind: "list-wanted"; readonly why: string }
  | { readonly kind: "compiling" }
  | { readonly kind: "refused-objects"; readonly count: number; readonly newest: readonly ObjectKey[] }
  | { readonly kind: "silent-gateway"; readonly time: string };

/** Documents → what the page shows. Pure. */
export function buildCluster(options: {
  readonly mesh: string;
  readonly cluster: string;
  readonly documents: ClusterDocuments;
  readonly policy: PolicyModel | undefined;
  readonly now: Date;
}): ClusterModel {
  const { mesh, cluster, documents, policy, now } = options;
  const { head, problems, changes, report } = documents;
  const timelines = buildChanges(changes, report);
  const published = timelines[0]?.stages.find(({ stage }) => stage === "published")?.time;
  return {
    mesh,
    cluster,
    version: head.version,
    ...(published !== undefined && { published }),
    notices: noticesOf(documents, now),
    ...(policy !== undefined && { policy }),
    proxies: buildProxies(head.version, report),
    changes: timelines,
    problems: buildProblems(problems, report),
    acts: buildActs(documents.pinActs, documents.servedLocally),
  };
}

function noticesOf({ head, report }: ClusterDocuments, now: Date): readonly Notice[] {
  const notices: Notice[] = [];
  if (head.pin !== undefined) notices.push({ kind: "pinned", why: head.pin.why, pin: head.pin.kind });
  else if (head.served !== undefined && head.served.state !== head.state) notices.push({ kind: "compiling" });
  if (head.want !== undefined) notices.push({ kind: "list-wanted", why: head.want });
  if (head.refused.count > 0) {
    const newest = head.refused.newest.map(({ object }) => object);
    notices.push({ kind: "refused-objects", count: head.refused.count, newest });
  }
  if (report !== undefined && isSilent(report, now)) notices.push({ kind: "silent-gateway", time: report.time });
  return notices;
}
