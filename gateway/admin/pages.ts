import { classesOf } from "../../shared/core/snapshot/snapshot.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { Autonomy } from "../autonomous/start-autonomy.ts";
import type { GatewayConfig } from "../config.ts";
import type { KeptSnapshot } from "../disk/gateway-record.ts";
import type { HeadFollower, ServedSnapshot } from "../follow/head-follower.ts";
import type { SnapshotKeeper } from "../follow/snapshot-keeper.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { GatewayMetrics } from "../metrics.ts";
import type { Reporting } from "../report/start-reporting.ts";
import {
  autonomousCondition,
  type Condition,
  type Contact,
  changesHeldCondition,
  cloudWentBackCondition,
  staleCondition,
} from "./conditions.ts";
import type { AdminAnswer, AdminPages } from "./server.ts";

export interface AdminState {
  readonly config: GatewayConfig;
  readonly objects: ClusterObjects;
  readonly reporting: Reporting;
  readonly autonomy: Pick<Autonomy, "source" | "note">;
  readonly kept: SnapshotKeeper["kept"];
  readonly contact: () => Contact;
  readonly cloud: CloudView;
  readonly metrics: GatewayMetrics;
}

/** What was seen of the head. */
export interface CloudView {
  readonly wentBack: HeadFollower["wentBack"];
  readonly pin: () => Head["pin"];
}

export function adminPages({
  config,
  objects,
  reporting,
  autonomy,
  kept,
  contact,
  cloud,
  metrics,
}: AdminState): AdminPages {
  const { roster, board } = reporting;
  const { source } = autonomy;
  return {
    "/healthz": { about: "200 while the process lives", answer: () => ({ status: 200, json: { status: "ok" } }) },
    "/readyz": {
      about: "200 once a snapshot is in force",
      answer() {
        const snapshot = source.current();
        return snapshot === undefined
          ? { status: 503, json: { status: "no snapshot yet" } }
          : { status: 200, json: { status: "ok", version: snapshot.version } };
      },
    },
    "/debug/conditions": {
      about: "what a person should know of the whole gateway",
      answer() {
        const conditions: readonly Condition[] = [
          staleCondition(contact()),
          autonomousCondition(autonomy.note(), source.servesLocal()),
          cloudWentBackCondition(cloud.wentBack(), source.current()),
          changesHeldCondition({ pin: cloud.pin(), hold: source.held() }, config),
        ];
        return { status: 200, json: { conditions } };
      },
    },
    "/metrics": {
      about: "Prometheus metrics",
      answer: async () => ({
        status: 200,
        text: await metrics.text(),
        contentType: "text/plain; version=0.0.4; charset=utf-8",
      }),
    },
    "/debug/proxies": {
      about: "proxies with the version they should have and the one they acknowledged",
      answer: () => ({
        status: 200,
        json: {
          wanted: roster.wanted(),
          proxies: roster.rows(),
          changes: roster.changes(),
          refusals: roster.refusals(),
        },
      }),
    },
    "/debug/problems": {
      about: "mistakes in objects, and what to do about each",
      answer: () => ({ status: 200, json: { problems: board.standing() } }),
    },
    "/debug/snapshot": {
      about: "the snapshot in force; kept: the version that a start without the cloud would serve",
      answer: () => snapshotPage(source.current(), kept()),
    },
    "/debug/state": {
      about: "the gateway's picture of the cluster, as state hash and object keys",
      answer: () => ({
        status: 200,
        json: {
          cluster: config.cluster,
          state: objects.objects().root,
          objects: [...objects.objects().entries()].map(([key]) => key).sort(),
        },
      }),
    },
  };
}

function snapshotPage(inForce: ServedSnapshot | undefined, kept: KeptSnapshot | undefined): AdminAnswer {
  if (inForce === undefined) return { status: 404, json: { error: "no snapshot yet" } };
  const { incarnation, version, served, snapshot, resources } = inForce;
  const classes = classesOf(snapshot.index);
  return {
    status: 200,
    json: { incarnation, version, kept: kept?.version, served, classes, resources: resources.size },
  };
}
