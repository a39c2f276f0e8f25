/** Durations and names of the data plane; tests shorten them. */

export interface DataPlaneSettings {
  /** Name of the node that pods are bound to. One Kubernetes has one data plane, so it stays the same over restarts. */
  readonly nodeName: string;
  /** Envoy's `--drain-time-s`: how long connections of a replaced listener or chain live on. */
  readonly drainSeconds: number;
  readonly envoyLogLevel: string;
  /** Asked for the projected token, seconds; and the part of its life after which it is renewed. */
  readonly tokenSeconds: number;
  readonly tokenRenewAt: number;
  /** Longest grace for a pod's programs to end by themselves, over the pod's own `terminationGracePeriodSeconds`. */
  readonly maxGraceMs: number;
  /** The same when the whole data plane ends. */
  readonly shutdownGraceMs: number;
  /** Pause before a crashed container is started again; doubles up to `most`. */
  readonly restart: { readonly firstMs: number; readonly mostMs: number };
  /** How often a container that is not ready yet is probed, and Envoy asked; a ready one goes by its own period. */
  readonly unreadyProbeMs: number;
  /** How often a ready Envoy is asked. */
  readonly readyProxyMs: number;
  /** Working directory of containers that name none. */
  readonly workingDir: string;
  /** Whether pods that ask for a sidecar are marked here; false where an injection webhook does it. */
  readonly injectHere: boolean;
}

export const DEFAULT_SETTINGS: Omit<DataPlaneSettings, "workingDir"> = {
  nodeName: "weft-local",
  drainSeconds: 30,
  envoyLogLevel: "warning",
  tokenSeconds: 3_600,
  tokenRenewAt: 0.8,
  maxGraceMs: 30_000,
  shutdownGraceMs: 1_000,
  restart: { firstMs: 500, mostMs: 30_000 },
  unreadyProbeMs: 200,
  readyProxyMs: 2_000,
  injectHere: true,
};
