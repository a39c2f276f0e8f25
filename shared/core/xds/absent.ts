import { encodeAssignment } from "./assignments.ts";
import { httpRbac, tcpRbac } from "./authorization.ts";
import { encode } from "./encode.ts";
import { TypedExtensionConfig } from "./gen/envoy/config/core/v3/extension.ts";
import { RouteConfiguration } from "./gen/envoy/config/route/v3/route.ts";
import { isTcpAuthorization } from "./names.ts";
import { denyAll } from "./rbac.ts";
import type { EnvoyType } from "./resource.ts";

/** What is answered at once for a name that a view does not have (design.md §5): nobody, no route, deny all; or that it does not exist. */
export function absentResource(type: EnvoyType, name: string): Uint8Array | "removed" {
  switch (type) {
    case "endpoint":
      return encodeAssignment(name, []);
    case "route":
      return encode(RouteConfiguration, { name });
    case "extension":
      return encode(TypedExtensionConfig, {
        name,
        typedConfig: isTcpAuthorization(name) ? tcpRbac(denyAll) : httpRbac(denyAll),
      });
    case "cluster":
    case "listener":
    case "secret":
      return "removed";
  }
}
