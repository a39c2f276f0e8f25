import type { View } from "../../shared/core/stream/view.ts";
import type { EnvoyType } from "../../shared/core/xds/resource.ts";

/** A proxy whose token and pod were checked (design.md §6.3). */
export interface ProxyIdentity {
  /** `namespace/pod` */
  readonly proxy: string;
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly serviceAccount: string;
}

/** Why a stream was refused: a gRPC status name and a sentence for the log and the metric. */
export interface ProxyRefusal {
  readonly code: "UNAUTHENTICATED" | "PERMISSION_DENIED" | "UNAVAILABLE" | "RESOURCE_EXHAUSTED";
  readonly reason: string;
}

export interface ProxyAuthenticator {
  /** `token` is the bearer token of the stream's metadata, `address` the peer's IP. */
  authenticate(request: {
    readonly token: string | undefined;
    readonly address: string;
  }): Promise<ProxyIdentity | ProxyRefusal>;
}

/** Where streams get their views from. */
export interface ViewSource {
  /**
   * Follows the view of one proxy. `listener` is called at once with the current view when there is one (else as soon as there is), and then with
   * every newer one; `end` when the proxy must go (pod deleted, account changed). Returns how to stop.
   */
  follow(proxy: ProxyIdentity, listener: ViewListener): ViewFollowing;
}

export interface ViewFollowing extends Disposable {
  /** The proxy has acknowledged all of the view of this generation. */
  settled(generation: number): void;
}

export interface ViewListener {
  readonly view: (view: View) => void;
  readonly end: (reason: string) => void;
}

/** What streams tell about their proxies. Called in stream order; must not throw. */
export interface ProxyReports {
  connected(
    proxy: ProxyIdentity,
    info: { readonly nodeId: string; readonly envoyVersion: string; readonly protocol: "delta" | "sotw" },
  ): void;
  disconnected(proxy: ProxyIdentity, reason: string): void;
  /** Everything of this view that the proxy subscribes to is acknowledged (again, or for the first time). */
  settled(proxy: ProxyIdentity, view: { readonly generation: number; readonly snapshotVersion: number }): void;
  acknowledged(
    proxy: ProxyIdentity,
    resources: {
      readonly type: EnvoyType;
      readonly names: readonly { readonly name: string; readonly version: string }[];
    },
  ): void;
  /** The proxy refused these versions and stays on what it had. One name when it went alone. */
  refused(
    proxy: ProxyIdentity,
    refusal: {
      readonly type: EnvoyType;
      readonly names: readonly { readonly name: string; readonly version: string }[];
      readonly message: string;
    },
  ): void;
}
