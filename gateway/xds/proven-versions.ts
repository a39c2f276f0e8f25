/** Versions of resources that some proxy of one Envoy version acknowledged. */
export interface ProvenVersions {
  readonly add: (version: string) => void;
  readonly has: (version: string) => boolean;
}

/** Keeps the newest; a forgotten one costs a proof and nothing else. */
export function createProvenVersions(limit: number): ProvenVersions {
  const proven = new Set<string>();
  return {
    add(version) {
      proven.add(version);
      if (proven.size <= limit) return;
      for (const oldest of proven) {
        proven.delete(oldest);
        break;
      }
    },
    has: (version) => proven.has(version),
  };
}
