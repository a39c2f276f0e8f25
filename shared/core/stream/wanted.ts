import { contentHash } from "../canonical.ts";
import type { EnvoyType } from "../xds/resource.ts";
import { hasName } from "./name-set.ts";
import { listenerItem, policyItem } from "./revocation.ts";
import { type Item, removedVersion } from "./stream.ts";
import type { Turn } from "./turn.ts";

/** What the proxy should have of a name. Without a view nothing is known. */
export function wantedItem(turn: Turn, type: EnvoyType, name: string): Item {
  const resource = turn.view?.resources[type].get(name);
  if (resource !== undefined) {
    if (resource.guards !== undefined) return listenerItem(turn, resource, resource.guards);
    if (resource.peers !== undefined && (type === "extension" || type === "secret"))
      return policyItem(turn, type, resource);
    return { name, version: resource.version, resource };
  }
  if (!hasName(turn.types[type].subscription.names, name))
    return { name, version: removedVersion, resource: undefined };
  const body = turn.absent(type, name);
  if (body === "removed") return { name, version: removedVersion, resource: undefined };
  const version = contentHash(body);
  return { name, version, resource: { name, version, body, proven: true } };
}
