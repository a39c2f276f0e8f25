import type { EnvoyType } from "../../shared/core/xds/resource.ts";

/** Versions of resources that some proxy acknowledged. */
export interface ProvenVersions {
  readonly add: (type: EnvoyType, name: string, version: string) => void;
  readonly has: (type: EnvoyType, name: string, version: string) => boolean;
}

/** Keeps the newest; a forgotten one costs a proof and nothing else. */
export function createProvenVersions(limit: number): ProvenVersions {
  const proven = new Set<string>();
  return {
    add(type, name, version) {
      proven.add(textOf(type, name, version));
      if (proven.size <= limit) return;
      for (const oldest of proven) {
        proven.delete(oldest);
        break;
      }
    },
    has: (type, name, version) => proven.has(textOf(type, name, version)),
  };
}

function textOf(type: EnvoyType, name: string, version: string): string {
  return `${type}|${name}|${version}`;
}
