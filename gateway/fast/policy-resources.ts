import type { ViewResource } from "../../shared/core/stream/view.ts";
import { peersOf } from "../../shared/core/xds/connection-policies.ts";
import { connectionPolicyPort } from "../../shared/core/xds/names.ts";
import type { EnvoyType } from "../../shared/core/xds/resource.ts";
import type { PolicyResource } from "./class-policy.ts";

/** The snapshot's resources as views hold them: one object for all classes that have it, and for all snapshots. */
export interface PolicyResources {
  resource(type: EnvoyType, name: string, stored: PolicyResource): ViewResource;
}

export function createPolicyResources(): PolicyResources {
  /** Two names seldom have the same bytes. */
  const known = new WeakMap<PolicyResource, { readonly type: EnvoyType; readonly resource: ViewResource }[]>();
  return {
    resource(type, name, stored) {
      const made = known.get(stored) ?? [];
      known.set(stored, made);
      const present = made.find((one) => one.type === type && one.resource.name === name);
      if (present !== undefined) return present.resource;
      const { version, body } = stored;
      const isConnectionPolicy = type === "extension" && connectionPolicyPort(name) !== undefined;
      const resource: ViewResource = {
        name,
        version,
        body,
        proven: false,
        ...(isConnectionPolicy && { peers: peersOf(body) }),
      };
      made.push({ type, resource });
      return resource;
    },
  };
}
