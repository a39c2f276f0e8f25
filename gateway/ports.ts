import type { DocumentStore } from "../shared/ports/document-store.ts";
import type { HubSender, OpenHubTail } from "../shared/ports/event-hub.ts";
import type { KubernetesClient } from "./kubernetes/client.ts";
import type { GatewayLog } from "./log.ts";

/** What a gateway stands on; in Azure, on the stand-ins, or in memory. */
export interface GatewayParts {
  readonly client: KubernetesClient;
  readonly documents: DocumentStore;
  readonly events: HubSender;
  readonly reports: HubSender;
  readonly openSnapshotTail: OpenHubTail;
  readonly log: GatewayLog;
}

/** Makes the handler of faults met in one place. */
export type FaultsOf = (where: string) => (error: unknown) => void;
