import { verifyEnvelope } from "../shared/core/events/envelope.ts";
import { parseEnvelope } from "../shared/core/events/parse-event.ts";
import { parseJson } from "../shared/core/parse-json.ts";
import { retryTransient } from "../shared/shell/retry.ts";
import { readPublisherKey } from "../shared/store/cluster-store.ts";
import type { FunctionParts } from "./ports.ts";

/** A signed text whose signature is that of a key registered for the cluster it names. */
export interface VerifiedMessage {
  readonly cluster: string;
  readonly text: string;
}

export interface MessageVerifier {
  /** In order; what does not verify is dropped and counted before anything else is looked at (design.md §3). */
  verify(
    messages: readonly unknown[],
  ): Promise<{ readonly verified: readonly VerifiedMessage[]; readonly dropped: number }>;
}

/** Keys do not change under their kid, so a found one is remembered; an unknown one is asked for each time (it may join any moment). */
export function createMessageVerifier(parts: Pick<FunctionParts, "documents" | "mesh">): MessageVerifier {
  const keys = new Map<string, string>();
  const keyOf = async (cluster: string, kid: string): Promise<string | undefined> => {
    const address = `${cluster}\n${kid}`;
    const read = () => readPublisherKey(parts.documents, cluster, kid);
    const key = keys.get(address) ?? (await retryTransient({ attempts: 5, baseDelay: 50, maxDelay: 1000 }, read));
    if (key !== undefined) keys.set(address, key);
    return key;
  };
  return {
    async verify(messages) {
      const verified: VerifiedMessage[] = [];
      for (const message of messages) {
        const envelope = parseEnvelope(message);
        const claim = envelope && claimOf(envelope.event);
        if (envelope === undefined || claim === undefined || claim.mesh !== parts.mesh) continue;
        const key = await keyOf(claim.cluster, envelope.kid);
        if (key !== undefined && verifyEnvelope(envelope, key))
          verified.push({ cluster: claim.cluster, text: envelope.event });
      }
      return { verified, dropped: messages.length - verified.length };
    },
  };
}

/** Undefined: it cannot be anybody's. */
function claimOf(text: string): { readonly mesh: string; readonly cluster: string } | undefined {
  const claim = parseJson(text) as { readonly mesh?: unknown; readonly cluster?: unknown } | null | undefined;
  const { mesh, cluster } = claim ?? {};
  return typeof mesh === "string" && typeof cluster === "string" && isId(cluster) ? { mesh, cluster } : undefined;
}

/** A cluster id becomes a partition key and part of document ids. */
function isId(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
