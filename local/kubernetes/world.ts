/** What every part of the server works on. */

import type { Registry } from "./kinds/registry.ts";
import type { ServiceAddresses } from "./kinds/service-addresses.ts";
import type { ObjectStore } from "./store/object-store.ts";
import type { Tokens } from "./tokens/tokens.ts";

export interface World {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly tokens: Tokens;
  readonly serviceAddresses: ServiceAddresses;
  /** Milliseconds since 1970. */
  now(): number;
}
