import type { Clock } from "../../shared/ports/clock.ts";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import { pause } from "../../shared/shell/pause.ts";
import { isRefusal, type KubernetesClient } from "../kubernetes/client.ts";
import { leasesPath, microTime } from "../publish/lease.ts";
import { createSignal } from "../signal.ts";

export interface ReplicaLeaseOptions {
  readonly client: KubernetesClient;
  readonly namespace: string;
  /** The Lease's name. */
  readonly name: string;
  /** The replica: its pod's name. */
  readonly identity: string;
  /** After so many milliseconds without a renewal the replica counts as gone. */
  readonly duration: number;
  /** What the others are told, as it is now. */
  readonly annotations: () => Readonly<Record<string, string>>;
  /** Least milliseconds between two writes. */
  readonly interval: number;
  readonly clock: Pick<Clock, "monotonic">;
  readonly fault: (error: Error) => void;
}

/** This replica's own Lease: that it lives, and what its proxies said. Taken away when the replica ends on purpose. */
export interface ReplicaLease extends AsyncDisposable {
  /** The annotations may be others now. */
  readonly news: () => void;
}

export function startReplicaLease(options: ReplicaLeaseOptions): ReplicaLease {
  const stop = new AbortController();
  const news = createSignal();
  const renewal = options.duration / 3;
  const run = async (): Promise<void> => {
    let [told, renewed] = ["", Number.NEGATIVE_INFINITY];
    while (!stop.signal.aborted) {
      const annotations = options.annotations();
      const text = JSON.stringify(annotations);
      if (text !== told || options.clock.monotonic() - renewed >= renewal) {
        try {
          await write(options, annotations);
          [told, renewed] = [text, options.clock.monotonic()];
        } catch (error) {
          options.fault(MeshError.from(error));
        }
        await pause(options.interval, stop.signal);
      }
      await news.wait(Math.max(options.interval, renewed + renewal - options.clock.monotonic()), stop.signal);
    }
  };
  const running = run();
  return {
    news: news.raise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await remove(options);
    },
  };
}

/** Nobody else writes it: without a precondition. */
async function write(
  { client, namespace, name, identity, duration }: ReplicaLeaseOptions,
  annotations: Readonly<Record<string, string>>,
): Promise<void> {
  const lease = {
    metadata: { name, namespace, annotations },
    spec: { holderIdentity: identity, leaseDurationSeconds: Math.ceil(duration / 1000), renewTime: microTime() },
  };
  try {
    await client.call({ method: "PATCH", path: `${leasesPath({ namespace })}/${name}`, body: lease });
  } catch (error) {
    if (!isRefusal(error, 404)) throw error;
    const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", ...lease };
    await client.call({ method: "POST", path: leasesPath({ namespace }), body });
  }
}

/** What fails here is mended by the Lease's own end. */
async function remove({ client, namespace, name, fault }: ReplicaLeaseOptions): Promise<void> {
  try {
    await client.call({ method: "DELETE", path: `${leasesPath({ namespace })}/${name}` });
  } catch (error) {
    if (!isRefusal(error, 404)) fault(MeshError.from(error));
  }
}
