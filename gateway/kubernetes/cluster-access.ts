import type { OutgoingHttpHeaders } from "node:http";
import type { RequestOptions } from "node:https";

/** How the API server is reached: where it is, whom to trust, and as whom. */
export interface ClusterAccess {
  /** Base address. */
  readonly server: string;
  /** Agent, and headers that say who asks, for one request. */
  readonly requestOptions: () => Promise<AccessOptions>;
}

export interface AccessOptions extends RequestOptions {
  readonly headers: OutgoingHttpHeaders;
}
