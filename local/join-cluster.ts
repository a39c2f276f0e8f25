import { generateKeyPairSync } from "node:crypto";
import type { KubernetesClient } from "../gateway/kubernetes/client.ts";
import { isRefusal } from "../gateway/kubernetes/client.ts";
import { readData, writeData } from "../gateway/kubernetes/kept-data.ts";
import { publisherKeySecret } from "../gateway/publisher-key.ts";
import { contentHash } from "../shared/core/canonical.ts";
import type { DocumentStore } from "../shared/ports/document-store.ts";
import { joinCluster } from "../shared/store/cluster-store.ts";

export interface JoinOptions {
  readonly client: KubernetesClient;
  readonly documents: DocumentStore;
  readonly cluster: string;
  readonly namespace: string;
}

/**
 * What an operator does once for a cluster: its namespace, a key pair whose private half stays there, and the public half and the head in the cloud. A
 * cluster that joined before keeps its key.
 */
export async function joinLocalCluster({ client, documents, cluster, namespace }: JoinOptions): Promise<void> {
  await createNamespace(client, namespace);
  const secret = { kind: "Secret", namespace, name: publisherKeySecret } as const;
  const stored = await readData(client, secret);
  const kept = stored?.data ?? makeKey();
  if (stored === undefined) await writeData(client, secret, { data: kept, previous: undefined });
  const { kid = "", publicKey = "" } = kept;
  await joinCluster(documents, cluster, { kid, publicKey });
}

function makeKey(): Readonly<Record<string, string>> {
  const pair = generateKeyPairSync("ed25519");
  const publicKey = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
  const key = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { kid: contentHash(publicKey), key, publicKey };
}

async function createNamespace(client: KubernetesClient, name: string): Promise<void> {
  try {
    await client.call({
      method: "POST",
      path: "/api/v1/namespaces",
      body: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    });
  } catch (error) {
    if (!isRefusal(error, 409)) throw error;
  }
}
