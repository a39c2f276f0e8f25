/** What the tests of the gateway on Kubernetes share. */
import type { KubernetesClient } from "../../../gateway/kubernetes/client.ts";
import type { ApiClient } from "../kubernetes/api-client.ts";

export interface GatewayPlace {
  /** The person at the keyboard. */
  readonly api: ApiClient;
  /** The gateway's. */
  readonly client: KubernetesClient;
  /** A namespace of the suite's own, made before the tests. */
  readonly namespace: string;
}

export type GatewayTests = (place: () => GatewayPlace) => void;

/** Waits until something holds that another process brings about; fails after 30 seconds with what it was then. */
export async function until(holds: () => boolean, then: () => unknown = () => ""): Promise<void> {
  const end = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited 30 s in vain: ${JSON.stringify(then())}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
